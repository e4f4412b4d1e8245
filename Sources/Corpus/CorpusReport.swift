/// Warnings by kind: how many there were, and the first few of each.
public struct CorpusReport: Sendable, Equatable {
    /// What there is to say of one kind.
    public struct Entry: Sendable, Equatable, Encodable {
        public var kind: CorpusWarning.Kind
        public var count: Int
        /// The first of them, with its place.
        public var example: String?
    }

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
        guard seen < Self.exampleLimit, !examples.contains(warning) else { return false }
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

    /// Raises the counts to those of a report on the same files, read another time.
    ///
    /// - Returns: what that report has beyond this one.
    @discardableResult
    package mutating func raise(to other: CorpusReport) -> CorpusReport {
        var more = CorpusReport()
        for (kind, count) in other.counts where count > counts[kind] ?? 0 {
            more.counts[kind] = count - (counts[kind] ?? 0)
            for example in other.examples where example.kind == kind && !examples.contains(example) {
                more.examples.append(example)
            }
        }
        add(more)
        return more
    }

    /// One entry for each kind, in a fixed order.
    public var entries: [Entry] {
        CorpusWarning.Kind.allCases.compactMap { kind in
            guard let count = counts[kind], count > 0 else { return nil }
            return Entry(kind: kind, count: count, example: examples.first { $0.kind == kind }.map { "\($0)" })
        }
    }

    /// One line for each kind, with its count and its first example; in a fixed order.
    public var summary: [String] { summary(without: []) }

    func summary(without omitted: Set<CorpusWarning.Kind>) -> [String] {
        entries.filter { !omitted.contains($0.kind) }.map { "\($0)" }
    }
}

extension CorpusReport.Entry: CustomStringConvertible {
    public var description: String {
        let name = kind.rawValue.replacing("_", with: " ")
        return "\(name): \(count)" + (example.map { ", first: \($0)" } ?? "")
    }
}
