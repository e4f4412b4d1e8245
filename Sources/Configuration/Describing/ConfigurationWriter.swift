/// Writes settings as YAML in the order in which they are declared; reading the text back gives the same bits.
/// One exception: the YAML library drops a byte order mark (U+FEFF) at the very beginning of a text.
public enum ConfigurationWriter {
    /// - Parameters:
    ///   - comments: Whether each key's help stands above it as a comment.
    /// - Returns: One document, ending with a line break.
    /// - Throws: Only what `visit` throws.
    public static func yaml<Root: Configurable>(_ root: Root, comments: Bool = false) throws -> String {
        try SettingTree(describing: root).yaml(comments: comments)
    }

    /// Only what differs from another configuration, such as what a preset sets; read on top of that, it gives `root`.
    ///
    /// - Parameters:
    ///   - usual: What goes without saying.
    ///   - keeping: Dotted paths that are written all the same.
    ///   - comments: Whether each key's help stands above it as a comment.
    public static func yaml<Root: Configurable>(
        _ root: Root, unlike usual: Root, keeping: Set<String> = [], comments: Bool = false
    ) throws -> String {
        try SettingTree(describing: root).without(SettingTree(describing: usual), keeping: keeping).yaml(
            comments: comments)
    }

    /// Text as lines of comments, as wide as those of keys.
    public static func comment(_ text: String) -> String { CommentText.lines(text).map { $0 + "\n" }.joined() }
}

extension SettingTree {
    /// The settings whose values another tree of the same type does not have. Of a list that differs all elements are kept, of each
    /// what a new one would not have.
    fileprivate func without(_ usual: SettingTree, keeping: Set<String>, prefix: String = "") throws -> SettingTree {
        SettingTree(
            fields: try fields.compactMap { field in
                let path = prefix + field.key
                guard let other = usual.fields.first(where: { $0.key == field.key }), !keeping.contains(path) else {
                    return field
                }
                var rest = field
                switch (field.kind, other.kind) {
                case (.group(let tree), .group(let usualTree)):
                    let tree = try tree.without(usualTree, keeping: keeping, prefix: path + ".")
                    if tree.fields.isEmpty { return nil }
                    rest.kind = .group(tree)
                case (.groups(let elements, let schema), .groups(let usualElements, _)):
                    if elements.map({ $0.yaml() }) == usualElements.map({ $0.yaml() }) { return nil }
                    let new = try schema()
                    rest.kind = .groups(try elements.map { try $0.without(new, keeping: []) }, schema: schema)
                default:
                    if field.valueText == other.valueText { return nil }
                }
                return rest
            })
    }
}

extension SettingTree {
    func yaml(comments: Bool = false) -> String {
        fields.isEmpty ? "{}\n" : lines(comments: comments).joined(separator: "\n") + "\n"
    }

    private func lines(comments: Bool) -> [String] {
        fields.flatMap { field in
            (comments ? CommentText.lines(field.help) : []) + field.lines(comments: comments)
        }
    }
}

extension SettingTree.Field {
    fileprivate func lines(comments: Bool) -> [String] {
        let key = YAMLScalar.text(key)
        switch kind {
        case .group(let tree) where !tree.fields.isEmpty:
            return ["\(key):"] + tree.yaml(comments: comments).indentedLines(first: "  ")
        case .groups(let elements, _) where !elements.isEmpty:
            // The first element's comments serve all.
            return ["\(key):"]
                + elements.enumerated().flatMap { index, tree in
                    tree.yaml(comments: comments && index == 0).indentedLines(first: "  - ")
                }
        default:
            return ["\(key): \(valueText ?? "{}")"]
        }
    }

    /// The value as YAML on one line; nil for groups that have settings.
    var valueText: String? {
        switch kind {
        case .integer(let value, _, _): value.map { "\($0)" } ?? "null"
        case .number(let value, _, _): value.map(YAMLScalar.text) ?? "null"
        case .flag(let value): value ? "true" : "false"
        case .text(let value, _): value.map(YAMLScalar.text) ?? "null"
        case .texts(let values): "[\(values.map(YAMLScalar.text).joined(separator: ", "))]"
        case .integers(let values, _): "[\(values.map(String.init).joined(separator: ", "))]"
        case .choice(let value, _): YAMLScalar.text(value)
        case .group(let tree): tree.fields.isEmpty ? "{}" : nil
        case .groups(let elements, _): elements.isEmpty ? "[]" : nil
        }
    }
}

extension String {
    /// The lines, the first after `first` and the others indented as far.
    fileprivate func indentedLines(first: String) -> [String] {
        let others = String(repeating: " ", count: first.count)
        return split(separator: "\n").enumerated().map { ($0 == 0 ? first : others) + $1 }
    }
}

private enum CommentText {
    static let width = 96

    static func lines(_ help: String) -> [String] {
        var lines: [String] = []
        for word in help.split(whereSeparator: \.isWhitespace) {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append("# \(word)")
            }
        }
        return lines
    }
}
