import Kernels

/// Places activations in one block of memory before any step runs, so that the hot loop allocates nothing.
///
/// Networks that never hold activations at the same time are planned over the same memory: `mark`, plan the first,
/// `rewind`, plan the second.
public struct ActivationPlan {
    private var position = 0
    /// Floats that the plan needs in all.
    public private(set) var count = 0

    public init() {}

    public var mark: Int { position }

    public mutating func rewind(to mark: Int) { position = mark }

    /// Space for `count` floats, aligned to cache lines.
    public mutating func reserve(_ count: Int) -> ActivationSlot {
        let slot = ActivationSlot(offset: position, count: count)
        position = (position + count + 15) / 16 * 16
        self.count = max(self.count, position)
        return slot
    }
}

/// A planned place; `rows` differ from chunk to chunk, up to what was planned.
public struct ActivationSlot: Sendable {
    let offset: Int
    let count: Int

    /// The slot as a matrix.
    public func matrix(_ pass: LanePass, rows: Int, columns: Int) -> Matrix {
        precondition(rows * columns <= count, "a chunk is larger than planned")
        return Matrix(pass.arena + offset, rows: rows, columns: columns)
    }

    public func vector(_ pass: LanePass) -> UnsafeMutablePointer<Float> { pass.arena + offset }
}
