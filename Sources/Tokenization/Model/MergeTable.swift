/// Hash table from a pair of symbols to the rank of its merge and the symbol that it becomes.
///
/// Immutable once the model is built, and read from many threads.
final class MergeTable: @unchecked Sendable {
    // The buffer is written only by `init` and freed only by `deinit`, so concurrent reads are safe.
    private let slots: UnsafeMutablePointer<Slot>
    private let mask: Int
    let count: Int

    struct Slot {
        var pair: UInt64
        var rank: Int32
        var symbol: Int32
    }

    private static let empty = UInt64.max

    /// - Parameter merges: in order of rank; a pair that occurs again takes the later rank, as in `tokenizers`.
    init(_ merges: [(left: Int32, right: Int32, symbol: Int32)]) {
        var capacity = 16
        while capacity < merges.count * 3 { capacity *= 2 }
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: Slot(pair: Self.empty, rank: 0, symbol: 0), count: capacity)
        mask = capacity - 1
        var distinct = 0
        for (rank, merge) in merges.enumerated() {
            let key = Self.key(merge.left, merge.right)
            var index = Self.hash(key) & mask
            while slots[index].pair != Self.empty, slots[index].pair != key { index = (index + 1) & mask }
            if slots[index].pair == Self.empty { distinct += 1 }
            slots[index] = Slot(pair: key, rank: Int32(rank), symbol: merge.symbol)
        }
        count = distinct
    }

    deinit { slots.deallocate() }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) &<< 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private static func hash(_ key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 32)
    }

    /// The merge of two symbols; `rank` is `Int32.max` where there is none.
    @inline(__always)
    func merge(_ left: Int32, _ right: Int32) -> (rank: Int32, symbol: Int32) {
        let key = Self.key(left, right)
        var index = Self.hash(key) & mask
        while true {
            let slot = slots[index]
            if slot.pair == key { return (slot.rank, slot.symbol) }
            if slot.pair == Self.empty { return (Int32.max, 0) }
            index = (index &+ 1) & mask
        }
    }
}
