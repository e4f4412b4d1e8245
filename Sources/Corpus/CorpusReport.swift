/// Something about the corpus that a user should know but that does not end the run.
public struct CorpusWarning: Sendable, Equatable, Codable, CustomStringConvertible {
    public enum Kind: String, Sendable, Codable, CaseIterable {
        case invalidUTF8 = "invalid_utf8"
        case malformedLine = "malformed_line"
        case missingField = "missing_field"
        case overlongLine = "overlong_line"
        case emptyFile = "empty_file"
        case damagedArchive = "damaged_archive"
        case unreadable = "unreadable"
        case notText = "not_text"
        case symbolicLinkLoop = "symbolic_link_loop"
        case repeatedFolder = "repeated_folder"
        case smallerThanBatch = "smaller_than_batch"
    }

    public var kind: Kind
    /// File or folder, as it was reached.
    public var path: String
    /// Line (from 1) of a JSON lines file.
    public var line: Int?
    /// Byte in the decompressed file (from 0).
    public var offset: Int64?
    /// What was found, and what was done about it.
    public var message: String

    public init(_ kind: Kind, path: String, line: Int? = nil, offset: Int64? = nil, _ message: String) {
        self.kind = kind
        self.path = path
        self.line = line
        self.offset = offset
        self.message = message
    }

    public var description: String {
        var place = path
        if let line { place += ":\(line)" }
        if let offset { place += " at byte \(offset)" }
        return "\(place): \(message)"
    }
}

/// Warnings by kind: how many there were, and the first few of each.
public struct CorpusReport: Sendable, Equatable {
    /// Number of examples kept of each kind.
    public static let exampleLimit = 5

    public private(set) var counts: [CorpusWarning.Kind: Int] = [:]
    public private(set) var examples: [CorpusWarning] = []

    public init() {}

    public var isEmpty: Bool { counts.isEmpty }

    /// Counts a warning, and keeps it if it is among the first of its kind.
    ///
    /// - Returns: whether it was kept as an example.
    @discardableResult
    public mutating func add(_ warning: CorpusWarning, count: Int = 1) -> Bool {
        let seen = examples.count { $0.kind == warning.kind }
        counts[warning.kind, default: 0] += count
        guard seen < Self.exampleLimit else { return false }
        examples.append(warning)
        return true
    }

    /// Counts without an example.
    public mutating func count(_ kind: CorpusWarning.Kind, _ count: Int) {
        counts[kind, default: 0] += count
    }

    /// Adds another report.
    ///
    /// - Returns: the warnings that became examples of this report.
    @discardableResult
    public mutating func add(_ other: CorpusReport) -> [CorpusWarning] {
        var kept: [CorpusWarning] = []
        for example in other.examples where add(example, count: 0) { kept.append(example) }
        for (kind, count) in other.counts { counts[kind, default: 0] += count }
        return kept
    }

    /// One line for each kind, with its count and its first example; in a fixed order.
    public var summary: [String] {
        CorpusWarning.Kind.allCases.compactMap { kind in
            guard let count = counts[kind], count > 0 else { return nil }
            let name = kind.rawValue.replacing("_", with: " ")
            guard let first = examples.first(where: { $0.kind == kind }) else { return "\(name): \(count)" }
            return "\(name): \(count), first: \(first)"
        }
    }
}
