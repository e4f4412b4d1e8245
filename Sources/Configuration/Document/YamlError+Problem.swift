import Yams

extension YamlError {
    /// The parser's complaint as a problem with line, column and remedy.
    func problem(origin: String) -> ConfigurationProblem {
        func syntax(_ mark: Mark?, _ text: String) -> ConfigurationProblem {
            ConfigurationProblem(
                .syntax, origin: origin, line: mark?.line, column: mark?.column, problem: "not valid YAML: \(text)",
                remedy: Self.remedy(for: text))
        }
        func inContext(_ context: Context?, _ text: String) -> String {
            guard let context, !context.text.isEmpty else { return text }
            return "\(context.text) (line \(context.mark.line)), \(text)"
        }
        switch self {
        case .scanner(let context, let text, let mark, _), .parser(let context, let text, let mark, _):
            return syntax(mark, inContext(context, text))
        case .composer(_, let text, let mark, _):
            return syntax(mark, text)
        case .reader(let text, let offset, _, let yaml):
            let before = offset.map { yaml.prefix($0) }
            let line = before.map { $0.reduce(1) { $0 + ($1.isNewline ? 1 : 0) } }
            var problem = syntax(nil, text)
            problem.line = line
            return problem
        case .duplicatedKeysInMapping(let keys, let context):
            return ConfigurationProblem(
                .duplicateKey, origin: origin, line: context.mark.line, keyPath: keys.sorted().joined(separator: ", "),
                problem: "duplicate key", remedy: "this is the first of them: keep one")
        default:
            return syntax(nil, "\(self)")
        }
    }

    private static func remedy(for text: String) -> String {
        let remedies = [
            ("cannot start any token", "indent with spaces, and put quotes around a text that begins with @, ` or %"),
            ("mapping values are not allowed", "check the indentation, and quote a text that contains a colon"),
            ("undefined alias", "put quotes around a text that begins with *"),
            ("scanning an alias", "put quotes around a text that begins with *"),
            ("expected alphabetic or numeric", "put quotes around a text that begins with * or &"),
            ("another document", "keep one document, without a second ---"),
            ("unexpected end of stream", "close the quotes"),
            ("control characters", "remove the control character, or write it as an escape in double quotes"),
            ("Maximum nesting", "no configuration needs that depth"),
            ("expected ',' or", "close the bracket, and put commas between the elements"),
            ("could not find expected ':'", "write key: value, with a space after the colon"),
        ]
        return remedies.first { text.contains($0.0) }?.1 ?? "check the indentation, brackets and quotes there"
    }
}
