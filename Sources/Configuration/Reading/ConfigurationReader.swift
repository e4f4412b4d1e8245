import Files
import Foundation

/// Reads settings from YAML and from `--set key.path=value` overrides into a value that already holds the defaults.
///
/// Every problem that can be found in one go is reported in one `ConfigurationError`: unknown and duplicate keys,
/// wrong types, values out of range, unknown choices, and what `Configurable.validate` finds once the rest is right.
public enum ConfigurationReader {
    /// Reads a YAML text, then the overrides in order (the later wins), then validates.
    ///
    /// Keys that are absent keep their values. A list replaces the list that was there; a group changes only the keys
    /// it names. `key.0.name=value` changes one element of a list.
    ///
    /// - Parameters:
    ///   - yaml: The text; empty for none.
    ///   - origin: What to call the text in errors, usually the file name.
    ///   - overrides: `key.path=value`, where the value is any YAML.
    /// - Throws: `ConfigurationError`; `root` is then unchanged.
    public static func read<Root: Configurable>(
        yaml: String = "", origin: String = "configuration", overrides: [String] = [], into root: inout Root
    ) throws {
        let session = ReadingSession()
        var result = root
        try fill(&result, yaml: yaml, origin: origin, overrides: overrides, session)
        guard session.problems.isEmpty else { throw ConfigurationError(session.problems) }
        try validate(result, origin: origin, session)
        root = result
    }

    /// Whether settings that were made otherwise than by reading could be written and read: their ranges, and `validate`.
    ///
    /// - Throws: `ConfigurationError` with all that could not.
    public static func check<Root: Configurable>(_ root: Root, origin: String = "configuration") throws {
        var copy = root
        try read(yaml: try ConfigurationWriter.yaml(root), origin: origin, into: &copy)
    }

    /// The scalar at a dotted path, as written, before the settings are read: a preset's name, for example, which
    /// decides what the defaults are.
    ///
    /// - Returns: The value of the last override that gives one, else the YAML's; nil where neither does or it is null.
    /// - Throws: `ConfigurationError` where the text or an override is not YAML, or something else than a scalar
    ///   stands there.
    public static func peek(
        _ keyPath: String, yaml: String = "", origin: String = "configuration", overrides: [String] = []
    ) throws -> String? {
        let path = keyPath.split(separator: ".")
        var found = try ConfigurationDocument.parse(yaml, origin: origin)?.descendant(path).map { ($0, origin) }
        for override in overrides {
            let document = try SettingOverride(parsing: override).document
            if let node = document.descendant(path) { found = (node, SettingOverride.origin) }
        }
        guard let (node, origin) = found, !node.isNull else { return nil }
        guard case .scalar(let text, _) = node.content else {
            throw ConfigurationError([
                ConfigurationProblem(
                    .wrongType, origin: origin, line: node.line, keyPath: keyPath,
                    problem: "expected a text, found \(node.summary)", remedy: "write \(keyPath): value")
            ])
        }
        // A byte order mark, as some editors leave it.
        return text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
    }

    /// Whether a text gives something at a dotted path, be it null.
    ///
    /// - Throws: `ConfigurationError` where the text is not YAML.
    public static func names(
        _ keyPath: String, yaml: String, origin: String = "configuration"
    ) throws -> Bool {
        try ConfigurationDocument.parse(yaml, origin: origin)?.descendant(keyPath.split(separator: ".")) != nil
    }

    /// The text of a configuration file.
    ///
    /// - Throws: `ConfigurationError` where the file cannot be read, is not UTF-8 or is far too large.
    public static func text(ofFile path: String) throws -> String {
        func failure(_ kind: ConfigurationProblem.Kind, _ problem: String, _ remedy: String) -> ConfigurationError {
            ConfigurationError([ConfigurationProblem(kind, origin: path, problem: problem, remedy: remedy)])
        }
        // Read through a descriptor with a bound: the path may be a pipe, or something endless.
        guard let file = fopen(HomeFolder.expanded(path), "rb") else {
            throw failure(
                .unreadable, "cannot be opened: \(String(cString: strerror(errno)))", "check the path and its rights")
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: ConfigurationDocument.Limit.bytes + 1)
        errno = 0
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else {
            throw failure(
                .unreadable, "cannot be read: \(String(cString: strerror(errno)))", "give the path of a YAML file")
        }
        guard count <= ConfigurationDocument.Limit.bytes else {
            throw failure(
                .tooLarge, "has more than \(ConfigurationDocument.Limit.bytes) bytes", "give the path of a YAML file")
        }
        guard let text = String(validating: bytes[..<count], as: UTF8.self) else {
            throw failure(.unreadable, "is not UTF-8", "save the file as UTF-8")
        }
        // A byte order mark, as some editors leave it.
        return text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
    }

    // MARK: - Steps

    /// Reads a text and then overrides; what is wrong with them goes to the session, and nothing is validated.
    static func fill<Root: Configurable>(
        _ root: inout Root, yaml: String, origin: String, overrides: [String], _ session: ReadingSession
    ) throws {
        do {
            if let document = try ConfigurationDocument.parse(yaml, origin: origin) {
                try read(document, origin: origin, into: &root, session)
            }
        } catch let error as ConfigurationError {
            session.problems += error.problems
        }
        for override in overrides {
            do {
                let setting = try SettingOverride(parsing: override)
                try read(setting.document, origin: SettingOverride.origin, into: &root, session)
            } catch let error as ConfigurationError {
                session.problems += error.problems
            }
        }
    }

    static func read<Root: Configurable>(
        _ document: ConfigurationNode, origin: String, into root: inout Root, _ session: ReadingSession
    ) throws {
        guard !document.isNull else { return }
        guard case .mapping(let entries) = document.content else {
            session.report(
                .wrongType, ReadingSession.Place(origin: origin, line: document.line), "",
                "expected keys with values, found \(document.summary)", "write key: value")
            return
        }
        let schema = root
        session.allKeys = { (try? SettingTree(describing: schema))?.schemaKeyPaths ?? [] }
        var visitor = ReadingVisitor(entries: entries, path: "", origin: origin, session: session)
        try root.visit(&visitor)
        visitor.reportUnknownKeys()
    }

    static func validate<Root: Configurable>(_ root: Root, origin: String, _ session: ReadingSession) throws {
        // Each pair once, as an outer group may check its inner ones itself.
        var found: [(keyPath: String, problem: String)] = []
        var visitor = GroupVisitor { group, path in
            do {
                try group.validate()
            } catch let invalid as InvalidSetting {
                let keyPath = GroupVisitor.join(path, invalid.key)
                if !found.contains(where: { $0 == (keyPath, invalid.problem) }) {
                    found.append((keyPath, invalid.problem))
                }
            }
        }
        try visitor.visit(root, path: "")
        guard found.isEmpty else {
            throw ConfigurationError(
                found.map { keyPath, problem in
                    let place = session.place(of: keyPath)
                    return ConfigurationProblem(
                        .invalid, origin: place?.origin ?? origin, line: place?.line, keyPath: keyPath,
                        problem: problem)
                })
        }
    }
}

/// What the visitors of one reading share.
final class ReadingSession {
    struct Place {
        var origin: String
        var line: Int?
    }

    var problems: [ConfigurationProblem] = []
    /// Where each setting was last set.
    var places: [String: Place] = [:]
    /// Every key path that the root knows; costs a description of the whole tree, so only asked for after a mistake.
    var allKeys: () -> [String] = { [] }

    func report(
        _ kind: ConfigurationProblem.Kind, _ place: Place, _ keyPath: String, _ problem: String, _ remedy: String
    ) {
        problems.append(
            ConfigurationProblem(
                kind, origin: place.origin, line: place.line, keyPath: keyPath, problem: problem, remedy: remedy))
    }

    /// Where a setting stands, or else the nearest group around it that stands anywhere.
    func place(of keyPath: String) -> Place? {
        var path = Substring(keyPath)
        while !path.isEmpty {
            if let place = places[String(path)] { return place }
            path = path[..<(path.lastIndex(of: ".") ?? path.startIndex)]
        }
        return nil
    }
}
