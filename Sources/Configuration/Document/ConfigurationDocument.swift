import Yams

/// Turns YAML text into nodes, refusing text that is hostile or simply not a configuration.
enum ConfigurationDocument {
    /// Far beyond any configuration; they bound the work and the recursion that a hostile text can cause.
    enum Limit {
        static let bytes = 1 << 20
        static let depth = 64
        /// Aliases multiply what they stand for, so that a few hundred bytes can mean billions of nodes.
        static let aliases = 16
        static let nodes = 100_000
    }

    /// Parses one document.
    ///
    /// - Returns: The root, or nil for a text without content.
    /// - Throws: `ConfigurationError` with one problem of kind syntax, tooLarge or duplicateKey.
    static func parse(_ yaml: String, origin: String) throws -> ConfigurationNode? {
        if let problem = excess(of: yaml, origin: origin) { throw ConfigurationError([problem]) }
        let root: Node?
        do {
            root = try Parser(yaml: yaml, resolver: .basic, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw ConfigurationError([error.problem(origin: origin)])
        }
        var converter = NodeConverter(origin: origin)
        return try root.map { try converter.convert($0, line: $0.mark?.line, depth: 0) }
    }

    /// What makes the text unfit to be parsed at all. The parser recurses and hashes keys, so depth and aliases are
    /// counted before it sees the text; the counts are upper bounds, as brackets and stars also stand in texts.
    private static func excess(of yaml: String, origin: String) -> ConfigurationProblem? {
        func problem(_ what: String) -> ConfigurationProblem {
            ConfigurationProblem(.tooLarge, origin: origin, problem: what, remedy: "no configuration needs that")
        }
        guard yaml.utf8.count <= Limit.bytes else {
            return problem("has \(yaml.utf8.count) bytes, more than \(Limit.bytes)")
        }
        var depth = 0
        var aliases = 0
        var anchors = 0
        var previous = UInt8(ascii: "\n")
        for byte in yaml.utf8 {
            switch previous {
            case UInt8(ascii: "*") where byte > UInt8(ascii: " "): aliases += 1
            case UInt8(ascii: "&") where byte > UInt8(ascii: " "): anchors += 1
            default: break
            }
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth = max(0, depth - 1)
            default: break
            }
            if depth > Limit.depth { return problem("is nested deeper than \(Limit.depth) levels") }
            previous = byte
        }
        return aliases > Limit.aliases && anchors > 0 ? problem("uses more than \(Limit.aliases) aliases") : nil
    }
}

/// Carries Yams' nodes over into `ConfigurationNode`, resolving merge keys and checking what YAML allows but settings
/// cannot use.
private struct NodeConverter {
    let origin: String
    var nodes = 0

    func failure(
        _ kind: ConfigurationProblem.Kind, line: Int?, key: String = "", _ problem: String, _ remedy: String
    ) -> ConfigurationError {
        ConfigurationError([
            ConfigurationProblem(kind, origin: origin, line: line, keyPath: key, problem: problem, remedy: remedy)
        ])
    }

    /// - Parameter line: Where the value counts as standing: the line of its key, or its own.
    mutating func convert(_ node: Node, line: Int?, depth: Int) throws -> ConfigurationNode {
        nodes += 1
        guard nodes <= ConfigurationDocument.Limit.nodes, depth <= ConfigurationDocument.Limit.depth else {
            let what =
                depth > ConfigurationDocument.Limit.depth
                ? "is nested deeper than \(ConfigurationDocument.Limit.depth) levels"
                : "expands to more than \(ConfigurationDocument.Limit.nodes) values"
            throw failure(.tooLarge, line: line, what, "no configuration needs that")
        }
        switch node {
        case .scalar(let scalar):
            try checkTag(node.tag, against: .str, line: line)
            // The mark of an empty value is wherever the parser noticed that nothing came.
            return ConfigurationNode(
                content: .scalar(text: scalar.string, isPlain: scalar.style == .plain),
                line: scalar.string.isEmpty ? line : scalar.mark?.line ?? line)
        case .sequence(let sequence):
            try checkTag(node.tag, against: .seq, line: line)
            return ConfigurationNode(
                content: .list(try sequence.map { try convert($0, line: $0.mark?.line ?? line, depth: depth + 1) }),
                line: line)
        case .mapping(let mapping):
            try checkTag(node.tag, against: .map, line: line)
            return ConfigurationNode(
                content: .mapping(try entries(of: mapping, line: line, depth: depth)), line: line)
        case .alias:
            // Only Yams' own encoder makes these; its parser resolves aliases.
            throw failure(.syntax, line: line, "an alias stands where a value is expected", "write the value")
        }
    }

    private func checkTag(_ tag: Tag, against expected: Tag.Name, line: Int?) throws {
        guard tag.description != expected.rawValue else { return }
        throw failure(.syntax, line: line, "has the tag \(tag.description)", "leave the tag out")
    }

    private mutating func entries(
        of mapping: Node.Mapping, line: Int?, depth: Int
    ) throws -> [ConfigurationNode.Entry] {
        var own: [ConfigurationNode.Entry] = []
        var merged: [ConfigurationNode.Entry] = []
        for (keyNode, valueNode) in mapping {
            guard case .scalar(let key) = keyNode else {
                throw failure(.syntax, line: keyNode.mark?.line ?? line, "a key is not a name", "write key: value")
            }
            let keyLine = key.mark?.line ?? line
            let value = try convert(valueNode, line: keyLine, depth: depth + 1)
            if key.string == "<<", key.style == .plain {
                merged += try mergedEntries(value, line: keyLine)
            } else if let first = own.first(where: { $0.key == key.string }) {
                throw failure(
                    .duplicateKey, line: keyLine, key: key.string, "duplicate key",
                    "it stands on line \(first.line ?? 0) too: keep one")
            } else {
                own.append(ConfigurationNode.Entry(key: key.string, line: keyLine, value: value))
            }
        }
        // A merge key gives defaults: a mapping's own keys win, and of several merged mappings the first.
        for entry in merged where !own.contains(where: { $0.key == entry.key }) { own.append(entry) }
        return own
    }

    private func mergedEntries(_ value: ConfigurationNode, line: Int?) throws -> [ConfigurationNode.Entry] {
        switch value.content {
        case .mapping(let entries): return entries
        case .list(let elements): return try elements.flatMap { try mergedEntries($0, line: line) }
        default:
            throw failure(.syntax, line: line, "<< takes an alias of a group of keys", "write <<: *name")
        }
    }
}
