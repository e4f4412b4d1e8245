/// One `--set key.path=value`.
struct SettingOverride {
    static let origin = "--set"

    /// The override as if it stood alone in a document: nested groups around one value.
    let document: ConfigurationNode

    /// - Throws: `ConfigurationError` where there is no path, or the value is not YAML.
    init(parsing text: String) throws {
        guard let equals = text.firstIndex(of: "=") else {
            throw Self.failure(
                .syntax, "", "\(YAMLScalar.quoted(text)) has no equals sign", "write key.path=value")
        }
        let path = text[..<equals].trimmingSpaces()
        try self.init(keyPath: String(path), value: String(text[text.index(after: equals)...]))
    }

    /// - Parameter value: Any YAML; nothing at all means null.
    init(keyPath: String, value: String) throws {
        // Both sources.0.path and sources[0].path, as messages and other programs write it.
        let components = Self.dotted(keyPath).split(separator: ".", omittingEmptySubsequences: false)
        guard components.count <= ConfigurationDocument.Limit.depth, components.allSatisfy({ !$0.isEmpty }) else {
            throw Self.failure(
                .syntax, "", "\(YAMLScalar.quoted(keyPath)) is not a key path", "write keys with one dot between them")
        }
        var node: ConfigurationNode
        do {
            node =
                try ConfigurationDocument.parse(value, origin: Self.origin)
                ?? ConfigurationNode(content: .scalar(text: "", isPlain: true))
        } catch let error as ConfigurationError {
            throw ConfigurationError(error.problems.map { Self.located($0, keyPath) })
        }
        node.removeLines()
        for component in components.reversed() {
            if component.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) {
                let element = ConfigurationNode.Element(index: Int(component) ?? .max, value: node)
                node = ConfigurationNode(content: .elements([element]))
            } else {
                let entry = ConfigurationNode.Entry(key: String(component), value: node)
                node = ConfigurationNode(content: .mapping([entry]))
            }
        }
        document = node
    }

    /// `[0]` written as `.0`, where it is an index.
    private static func dotted(_ keyPath: String) -> String {
        var result = ""
        var rest = keyPath[...]
        while let open = rest.firstIndex(of: "["), let close = rest[open...].firstIndex(of: "]") {
            let index = rest[rest.index(after: open)..<close]
            guard !index.isEmpty, index.allSatisfy(\.isNumber), !(result.isEmpty && open == rest.startIndex) else {
                break
            }
            result += rest[..<open] + "." + index
            rest = rest[rest.index(after: close)...]
        }
        return result + rest
    }

    private static func failure(
        _ kind: ConfigurationProblem.Kind, _ keyPath: String, _ problem: String, _ remedy: String
    ) -> ConfigurationError {
        ConfigurationError([
            ConfigurationProblem(kind, origin: origin, keyPath: keyPath, problem: problem, remedy: remedy)
        ])
    }

    private static func located(_ problem: ConfigurationProblem, _ keyPath: String) -> ConfigurationProblem {
        var problem = problem
        problem.keyPath = problem.keyPath.isEmpty ? keyPath : "\(keyPath).\(problem.keyPath)"
        problem.line = nil
        problem.column = nil
        return problem
    }
}

extension ConfigurationNode {
    /// Lines mean nothing outside files.
    fileprivate mutating func removeLines() {
        line = nil
        switch content {
        case .scalar: break
        case .list(var nodes):
            for index in nodes.indices { nodes[index].removeLines() }
            content = .list(nodes)
        case .mapping(var entries):
            for index in entries.indices {
                entries[index].line = nil
                entries[index].value.removeLines()
            }
            content = .mapping(entries)
        case .elements(var elements):
            for index in elements.indices { elements[index].value.removeLines() }
            content = .elements(elements)
        }
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> Substring {
        var result = drop { $0 == " " }
        while result.last == " " { result.removeLast() }
        return result
    }
}
