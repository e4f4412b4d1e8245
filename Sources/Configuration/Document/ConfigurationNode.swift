/// A part of a configuration as it was written, before anything is known about the settings.
struct ConfigurationNode: Sendable {
    enum Content: Sendable {
        /// The text as written. `isPlain` is false where quotes say that it is text.
        case scalar(text: String, isPlain: Bool)
        case list([ConfigurationNode])
        case mapping([Entry])
        /// Changes to single elements of a list that exists already: what `--set list.0.key=value` means.
        case elements([Element])
    }

    struct Entry: Sendable {
        var key: String
        var line: Int?
        var value: ConfigurationNode
    }

    struct Element: Sendable {
        var index: Int
        var value: ConfigurationNode
    }

    var content: Content
    /// From 1; nil outside files.
    var line: Int?
}

extension ConfigurationNode {
    /// Whether this is YAML's null: nothing at all, `~` or `null` without quotes.
    var isNull: Bool {
        guard case .scalar(let text, let isPlain) = content else { return false }
        return isPlain && YAMLScalar.isNull(text)
    }

    /// What was found, for messages: `the text "many"`, `a list`.
    var summary: String {
        switch content {
        case .scalar(let text, let isPlain):
            if isNull { return "nothing (null)" }
            let shown = text.count > 40 ? String(text.prefix(40)) + "…" : text
            return isPlain && (YAMLScalar.number(text) != nil || YAMLScalar.flag(text) != nil)
                ? shown : "the text \(YAMLScalar.quoted(shown))"
        case .list: return "a list"
        case .mapping: return "a group of keys"
        case .elements: return "an element of a list"
        }
    }

    /// The node at a path of mapping keys; of equal keys the last counts.
    func descendant(_ path: some Collection<Substring>) -> ConfigurationNode? {
        guard let key = path.first else { return self }
        guard case .mapping(let entries) = content else { return nil }
        return entries.last { $0.key == key }?.value.descendant(path.dropFirst())
    }
}
