extension ConfigurationReader {
    /// Refuses settings that were asked for and that nothing reads.
    ///
    /// Asked for is what a text or an override names, if it is another value than without it; of a text that has most of all
    /// keys, as those have that the program writes, nothing. Refused is what is read neither where it is given, with all that
    /// comes before it, nor in the end. What a later override leaves without effect is how sweeps go, and only noted.
    ///
    /// - Parameters:
    ///   - root: what reading the text and the overrides gave.
    ///   - yaml, origin: the text and its name.
    ///   - overrides: `key.path=value`, all that were read.
    ///   - own: which of the overrides are looked at; nil: all.
    ///   - looksAtText: no where other configurations share the text, to which it may mean something.
    ///   - start: what there is before the text is read, a preset say, which may depend on the overrides it is given: those that
    ///     stand before a setting that is looked at, and once all of them.
    /// - Returns: what is only noted, a sentence each.
    /// - Throws: `ConfigurationError` with all that is refused.
    @discardableResult
    public static func checkUse<Root: Configurable>(
        of root: Root, yaml: String, origin: String, overrides: [String], own: Range<Int>? = nil,
        looksAtText: Bool = true,
        start: (_ overrides: [String]) throws -> Root
    ) throws -> [String] {
        let unread = try unread(root)
        guard !unread.isEmpty else { return [] }
        let usual = try start(overrides)
        let (tree, usualTree) = (try SettingTree(describing: root), try SettingTree(describing: usual))
        let (values, usualValues) = (tree.values(), usualTree.values())
        let schema = Dictionary(
            usualTree.schemaFields().map { ($0.path, $0.field.valueText) }, uniquingKeysWith: { first, _ in first })
        // An element of a list that was replaced may stand where a preset has one: either's value is as good as none.
        func isUsual(_ path: String) -> Bool {
            values[path] == usualValues[path] || values[path] == schema[SettingTree.schemaPath(path)] ?? nil
        }
        /// The text and so many overrides, and where each of their settings stands; nothing of this is validated.
        func read(_ count: Int) throws -> (root: Root, places: [String: ReadingSession.Place]) {
            let before = Array(overrides.prefix(count))
            let session = ReadingSession()
            var result = try start(before)
            try fill(&result, yaml: yaml, origin: origin, overrides: before, session)
            return (result, session.places)
        }
        let ofText = try read(0).places
        var last: [String: Int] = [:]
        if looksAtText, !isComplete(ofText.keys, schema.keys) { for path in ofText.keys { last[path] = 0 } }
        for (index, override) in overrides.enumerated() {
            let session = ReadingSession()
            var result = root
            try fill(&result, yaml: "", origin: origin, overrides: [override], session)
            for path in session.places.keys { last[path] = own?.contains(index) ?? true ? index + 1 : nil }
        }
        var problems: [ConfigurationProblem] = []
        var notes: [String] = []
        let asked = last.filter { path, _ in unread[path] != nil && values[path] != nil && !isUsual(path) }
        for (path, count) in asked.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
            let place = count == 0 ? ofText[path] : ReadingSession.Place(origin: SettingOverride.origin, line: nil)
            if let reason = try self.unread(try read(count).root)[path] {
                problems.append(
                    ConfigurationProblem(
                        .invalid, origin: place?.origin ?? origin, line: place?.line, keyPath: path, problem: reason,
                        remedy: "leave it out"))
            } else {
                notes.append("\(path) has no effect here: it \(unread[path] ?? "")")
            }
        }
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        return notes
    }

    /// The settings that nothing reads, by path, and why.
    public static func unread<Root: Configurable>(_ root: Root) throws -> [String: String] {
        let paths = try SettingTree(describing: root).values().keys
        var found: [String: String] = [:]
        var visitor = GroupVisitor { group, path in
            for use in group.uses where !use.isRead {
                for key in use.keys.map({ GroupVisitor.join(path, $0) }) {
                    for path in paths where path == key || path.hasPrefix(key + ".") {
                        found[path] = found[path] ?? use.reason
                    }
                }
            }
        }
        try visitor.visit(root, path: "")
        return found
    }

    /// Whether a text has so many of all keys that the program has written it, perhaps an earlier one, which had fewer.
    private static func isComplete(_ given: some Collection<String>, _ schema: some Collection<String>) -> Bool {
        let keys = Set(schema.filter { !$0.contains(".N.") })
        return 2 * Set(given).intersection(keys).count > keys.count
    }
}

extension SettingTree {
    /// Of every setting that is no group its value as YAML, by dotted path; lists of groups with the index of each element.
    fileprivate func values(prefix: String = "") -> [String: String] {
        var result: [String: String] = [:]
        for field in fields {
            let path = prefix + field.key
            switch field.kind {
            case .group(let tree): result.merge(tree.values(prefix: path + ".")) { first, _ in first }
            case .groups(let elements, _):
                for (index, element) in elements.enumerated() {
                    result.merge(element.values(prefix: "\(path).\(index).")) { first, _ in first }
                }
            default: result[path] = field.valueText
            }
        }
        return result
    }

    /// A dotted path as `schemaFields` has it.
    fileprivate static func schemaPath(_ path: String) -> String {
        path.split(separator: ".").map { Int($0) == nil ? String($0) : "N" }.joined(separator: ".")
    }
}
