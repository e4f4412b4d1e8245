/// How many rows (documents, pieces of long ones, or lines that should have held one) were read, and how many of them are
/// of no use: skipped, or full of bytes that are not UTF-8.
public struct RowTally: Codable, Equatable, Sendable {
    /// Rows after which a share says something about a source that goes on: a bad beginning may have ended by then.
    public static let sensibleRows = 10_000

    public var rows = 0
    public var unusable = 0

    public init() {}

    mutating func add(_ other: RowTally) {
        rows += other.rows
        unusable += other.unusable
    }

    /// Whether more is unusable than a share of what was read.
    ///
    /// - Parameter minimum: rows before which there is no telling.
    func exceeds(_ fraction: Double, minimum: Int = 0) -> Bool {
        rows >= minimum && unusable > 0 && Double(unusable) > fraction * Double(rows)
    }
}
