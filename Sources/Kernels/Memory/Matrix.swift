/// A view of `rows × columns` floats, row-major, with `stride` floats from one row to the next.
///
/// The one pointer type that crosses threads: it owns nothing, and two tasks never write the same rows.
public struct Matrix: @unchecked Sendable {
    public let base: UnsafeMutablePointer<Float>
    public let rows: Int
    public let columns: Int
    public let stride: Int

    @inlinable
    public init(_ base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
        self.base = base
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
    }

    @inlinable
    public func row(_ index: Int) -> UnsafeMutablePointer<Float> { base + index * stride }

    /// The same columns of `count` rows from `start`.
    @inlinable
    public func rows(_ start: Int, _ count: Int) -> Matrix {
        Matrix(row(start), rows: count, columns: columns, stride: stride)
    }

    /// `count` columns from `start` of all rows.
    @inlinable
    public func columns(_ start: Int, _ count: Int) -> Matrix {
        Matrix(base + start, rows: rows, columns: count, stride: stride)
    }

    /// The elements in memory of their own, without gaps between rows.
    public func copied() -> FloatBuffer {
        let copy = FloatBuffer(count: rows * columns)
        for row in 0..<rows { (copy.base + row * columns).update(from: self.row(row), count: columns) }
        return copy
    }

    public func zero() {
        for row in 0..<rows { self.row(row).update(repeating: 0, count: columns) }
    }
}
