/// Every pair of neighbouring symbols ever seen, with its weighted count.
struct PairTable: ~Copyable {
    /// By index: the pair, how often it occurs, and scratch that marks what the current step has seen.
    struct Pair {
        var key: UInt64
        var count: Int64
        var stamp: UInt32
        var list: UInt32
    }

    var pairs: [Pair] = []
    /// Open addressing: 1 + index into `pairs`; 0 for free.
    private var slots: [UInt32]
    private var mask: Int

    init() {
        slots = [UInt32](repeating: 0, count: 1 << 16)
        mask = (1 << 16) - 1
    }

    @inline(__always)
    static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) &<< 32 | UInt64(UInt32(bitPattern: right))
    }

    /// The index of a pair, which is added if it is new.
    @inline(__always)
    mutating func index(_ left: Int32, _ right: Int32) -> Int {
        let key = Self.key(left, right)
        var slot = Self.slot(key) & mask
        while true {
            let reference = slots[slot]
            if reference == 0 { break }
            if pairs[Int(reference) &- 1].key == key { return Int(reference) &- 1 }
            slot = (slot &+ 1) & mask
        }
        pairs.append(Pair(key: key, count: 0, stamp: 0, list: 0))
        slots[slot] = UInt32(pairs.count)
        if pairs.count &* 2 > mask { grow() }
        return pairs.count &- 1
    }

    @inline(__always)
    private static func slot(_ key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 32)
    }

    private mutating func grow() {
        let capacity = (mask + 1) * 2
        slots = [UInt32](repeating: 0, count: capacity)
        mask = capacity - 1
        for index in pairs.indices {
            var slot = Self.slot(pairs[index].key) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = UInt32(index + 1)
        }
    }
}
