import Kernels

/// The weights of a layout's products as bfloat16, rounded once a step.
///
/// Written by `round`, between steps, and read by all workers.
public final class RoundedWeights: Sendable {
    private let memory: FloatBuffer
    private let members: [(slot: ParameterSlot, weight: BFloat16Weight)]
    private let index: [ParameterSlot: Int]
    /// The first part of each member among all parts.
    private let starts: [Int]

    public init(_ layout: ParameterLayout) {
        let slots = layout.products
        memory = FloatBuffer(count: Self.floatCount(layout))
        var next = UnsafeMutableRawPointer(memory.base).assumingMemoryBound(to: UInt16.self)
        var members: [(slot: ParameterSlot, weight: BFloat16Weight)] = []
        var starts = [0]
        for slot in slots {
            let weight = BFloat16Weight(next, outputs: slot.rows, inputs: slot.columns)
            members.append((slot, weight))
            starts.append(starts[starts.count - 1] + weight.partCount)
            next += BFloat16Weight.count(outputs: slot.rows, inputs: slot.columns)
        }
        self.members = members
        self.starts = starts
        index = Dictionary(slots.enumerated().map { ($1, $0) }) { first, _ in first }
    }

    /// Memory of what is rounded, in floats.
    public static func floatCount(_ layout: ParameterLayout) -> Int {
        layout.products.reduce(0) { $0 + BFloat16Weight.count(outputs: $1.rows, inputs: $1.columns) } / 2
    }

    /// Rounds all weights again, as they have changed.
    public func round(_ weights: FloatBuffer, pool: ThreadPool) {
        let partsAtATime = 8
        let count = starts[starts.count - 1]
        pool.run((count + partsAtATime - 1) / partsAtATime) { [members, starts] task, _ in
            var member = 0
            for part in task * partsAtATime..<min((task + 1) * partsAtATime, count) {
                while part >= starts[member + 1] { member += 1 }
                let (slot, weight) = members[member]
                weight.round(slot.matrix(weights.base), part: part - starts[member])
            }
        }
    }

    subscript(slot: ParameterSlot) -> BFloat16Weight? { index[slot].map { members[$0].weight } }
}
