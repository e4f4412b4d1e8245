import Kernels

/// A matrix in memory of its own, with NaNs of a known pattern before, after and between its rows: a kernel that reads
/// them spoils its result, one that writes them is found by `isIntact`.
public final class GuardedMatrix: @unchecked Sendable {
    public let rows: Int
    public let columns: Int
    public let stride: Int
    private let storage: UnsafeMutableBufferPointer<Float>
    private static let margin = 24
    /// A quiet NaN that arithmetic does not make.
    private static let sentinel = Float(bitPattern: 0x7FC5_A5A8)

    /// - Parameters:
    ///   - padding: unused floats between rows.
    ///   - value: of an element; NaN by default, so that a kernel that is to overwrite cannot add.
    public init(_ rows: Int, _ columns: Int, padding: Int = 0, _ value: (Int, Int) -> Float = { _, _ in .nan }) {
        self.rows = rows
        self.columns = columns
        stride = columns + padding
        storage = .allocate(capacity: rows * stride + 2 * Self.margin)
        storage.initialize(repeating: Self.sentinel)
        for row in 0..<rows { for column in 0..<columns { self[row, column] = value(row, column) } }
    }

    /// Values of standard normal size.
    public convenience init(
        _ rows: Int, _ columns: Int, padding: Int = 0, scale: Float = 1, random: inout SplitMix64
    ) {
        let values = random.normals(rows * columns)
        self.init(rows, columns, padding: padding) { scale * values[$0 * columns + $1] }
    }

    /// One row.
    public convenience init(_ values: [Float]) { self.init(1, values.count) { values[$1] } }

    deinit { storage.deallocate() }

    public var base: UnsafeMutablePointer<Float> { storage.baseAddress! + Self.margin }
    public var matrix: Matrix { Matrix(base, rows: rows, columns: columns, stride: stride) }

    public subscript(row: Int, column: Int) -> Float {
        get { base[row * stride + column] }
        set { base[row * stride + column] = newValue }
    }

    /// Element of a matrix of one row.
    public subscript(index: Int) -> Double { Double(base[index]) }

    public func callAsFunction(_ row: Int, _ column: Int) -> Double { Double(self[row, column]) }

    /// Row-major, without padding.
    public var floats: [Float] { (0..<rows * columns).map { self[$0 / columns, $0 % columns] } }
    public var values: [Double] { floats.map { Double($0) } }
    public var bits: [UInt32] { floats.map(\.bitPattern) }

    /// A copy with guards of its own.
    public func copy() -> GuardedMatrix { GuardedMatrix(rows, columns, padding: stride - columns) { self[$0, $1] } }

    /// Whether nothing but the elements was written.
    public var isIntact: Bool {
        storage.indices.allSatisfy { index in
            let position = index - Self.margin
            let isElement = position >= 0 && position < rows * stride && position % max(stride, 1) < columns
            return isElement || storage[index].bitPattern == Self.sentinel.bitPattern
        }
    }
}
