import Kernels

/// Place and shape of a tensor within the parameter buffer; resolves against weights or gradients.
public struct ParameterSlot: Sendable, Hashable {
    public let offset: Int
    public let rows: Int
    public let columns: Int

    public init(offset: Int, rows: Int, columns: Int) {
        self.offset = offset
        self.rows = rows
        self.columns = columns
    }

    public func matrix(_ base: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(base + offset, rows: rows, columns: columns)
    }

    /// `count` rows from `start`.
    public func rows(_ start: Int, _ count: Int) -> ParameterSlot {
        ParameterSlot(offset: offset + start * columns, rows: count, columns: columns)
    }

    public func vector(_ base: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float> { base + offset }
}
