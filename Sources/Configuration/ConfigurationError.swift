/// Everything that is wrong with a configuration, found in one go.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// At least one problem, in the order in which they were found.
    public var problems: [ConfigurationProblem]

    public init(_ problems: [ConfigurationProblem]) {
        self.problems = problems
    }

    /// One line per problem.
    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

/// One thing that is wrong with a configuration: where it is, what it is and what to do about it.
public struct ConfigurationProblem: Equatable, Sendable, Codable, CustomStringConvertible {
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// The file cannot be read or is not UTF-8.
        case unreadable
        /// The text is not YAML, or uses a part of YAML that settings have no use for.
        case syntax
        /// The text is larger or deeper than any configuration needs to be.
        case tooLarge = "too_large"
        case unknownKey = "unknown_key"
        case duplicateKey = "duplicate_key"
        case wrongType = "wrong_type"
        case outOfRange = "out_of_range"
        case unknownChoice = "unknown_choice"
        /// The value contradicts another setting (`InvalidSetting`).
        case invalid
    }

    public var kind: Kind
    /// File name, or `--set` for an override.
    public var origin: String
    /// From 1; nil where the setting stands in no file.
    public var line: Int?
    /// From 1, in Unicode scalars; only for syntax errors.
    public var column: Int?
    /// Dotted path of the setting, empty for the document as a whole.
    public var keyPath: String
    /// What is wrong.
    public var problem: String
    /// What to do about it; may be empty.
    public var remedy: String

    public init(
        _ kind: Kind, origin: String, line: Int? = nil, column: Int? = nil, keyPath: String = "", problem: String,
        remedy: String = ""
    ) {
        self.kind = kind
        self.origin = origin
        self.line = line
        self.column = column
        self.keyPath = keyPath
        self.problem = problem
        self.remedy = remedy
    }

    public var description: String {
        var place = origin
        if let line { place += ":\(line)" }
        if let column { place += ":\(column)" }
        let subject =
            switch kind {
            case .unknownKey, .duplicateKey: "\(problem) \(keyPath)"
            default: keyPath.isEmpty ? problem : "\(keyPath): \(problem)"
            }
        return remedy.isEmpty ? "\(place): \(subject)" : "\(place): \(subject); \(remedy)"
    }
}
