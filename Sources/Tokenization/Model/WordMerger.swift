/// Merges the symbols of one pre-token; reused from word to word so that nothing is allocated per word.
///
/// The merge of lowest rank goes first, the leftmost of equal rank before others. Short words look for it with a plain
/// scan, long ones with a heap over a linked list: O(n log n), so that megabytes without a space stay cheap.
struct WordMerger: ~Copyable {
    /// The symbols; after `merge`, the ids of the word.
    private(set) var symbols: UnsafeMutablePointer<Int32>
    private(set) var count = 0
    /// Units of work done so far: symbols scanned and heap operations. Tests bound it instead of a time.
    private(set) var work = 0

    private var capacity: Int
    private var ranks: UnsafeMutablePointer<Int32>
    private var products: UnsafeMutablePointer<Int32>
    private var next: [Int32] = []
    private var previous: [Int32] = []
    private var heap = MergeHeap()

    private static let longestScannedWord = 48
    /// Longer scratch lists are given back after the word.
    private static let longestKeptScratch = 1 << 20

    init() {
        capacity = 256
        symbols = .allocate(capacity: capacity)
        ranks = .allocate(capacity: capacity)
        products = .allocate(capacity: capacity)
    }

    deinit {
        symbols.deallocate()
        ranks.deallocate()
        products.deallocate()
    }

    /// Merges the word at `bytes` completely.
    mutating func merge(_ bytes: UnsafePointer<UInt8>, _ length: Int, _ model: BPEModel) {
        if length > capacity { grow(to: length) }
        load(bytes, length, model)
        if count < 2 { return }
        if count <= Self.longestScannedWord { mergeByScanning(model.merges) } else { mergeByHeap(model.merges) }
    }

    /// Makes the word a single id.
    mutating func replace(with id: Int32) {
        symbols[0] = id
        count = 1
    }

    private mutating func grow(to length: Int) {
        symbols.deallocate()
        ranks.deallocate()
        products.deallocate()
        capacity = length + length / 2
        symbols = .allocate(capacity: capacity)
        ranks = .allocate(capacity: capacity)
        products = .allocate(capacity: capacity)
    }

    private mutating func load(_ bytes: UnsafePointer<UInt8>, _ length: Int, _ model: BPEModel) {
        count = 0
        var afterUnknown = false
        model.byteSymbols.withUnsafeBufferPointer { table in
            for index in 0..<length {
                let symbol = table[Int(bytes[index])]
                if symbol >= 0 {
                    symbols[count] = symbol
                    count &+= 1
                    afterUnknown = false
                } else if let unknown = model.unknown {
                    if !(afterUnknown && model.fusesUnknown) {
                        symbols[count] = unknown
                        count &+= 1
                    }
                    afterUnknown = true
                }
            }
        }
    }

    private mutating func mergeByScanning(_ merges: MergeTable) {
        for index in 0..<(count &- 1) { setPair(at: index, merges) }
        while count > 1 {
            var best = 0
            for index in 1..<max(1, count &- 1) where ranks[index] < ranks[best] { best = index }
            work &+= count
            if ranks[best] == Int32.max { return }
            symbols[best] = products[best]
            count &-= 1
            var index = best &+ 1
            while index < count {
                symbols[index] = symbols[index &+ 1]
                ranks[index] = ranks[index &+ 1]
                products[index] = products[index &+ 1]
                index &+= 1
            }
            if best < count &- 1 { setPair(at: best, merges) }
            if best > 0 { setPair(at: best &- 1, merges) }
        }
    }

    @inline(__always)
    private mutating func setPair(at index: Int, _ merges: MergeTable) {
        let found = merges.merge(symbols[index], symbols[index &+ 1])
        ranks[index] = found.rank
        products[index] = found.symbol
    }

    /// Linked list of symbols (`next`, `previous`, -1 at the ends) and a heap of `rank << 32 | position`.
    ///
    /// An entry is stale when the pair at its position is no longer the one of that rank; it is then skipped.
    private mutating func mergeByHeap(_ merges: MergeTable) {
        if next.count < count {
            next = [Int32](repeating: 0, count: count)
            previous = next
        }
        heap.removeAll()
        for index in 0..<count {
            next[index] = index + 1 < count ? Int32(index + 1) : -1
            previous[index] = Int32(index - 1)
            if index + 1 < count { push(index, merges.merge(symbols[index], symbols[index + 1]).rank) }
        }
        work &+= count
        while let key = heap.pop() {
            work &+= 1
            let position = Int(key & 0xFFFF_FFFF)
            let right = Int(next[position])
            guard symbols[position] >= 0, right >= 0 else { continue }
            let found = merges.merge(symbols[position], symbols[right])
            guard UInt64(found.rank) == key >> 32 else { continue }
            symbols[position] = found.symbol
            symbols[right] = -1
            let after = Int(next[right])
            next[position] = Int32(after)
            if after >= 0 {
                previous[after] = Int32(position)
                push(position, merges.merge(found.symbol, symbols[after]).rank)
            }
            let before = Int(previous[position])
            if before >= 0 { push(before, merges.merge(symbols[before], found.symbol).rank) }
        }
        var kept = 0
        for index in 0..<count where symbols[index] >= 0 {
            symbols[kept] = symbols[index]
            kept += 1
        }
        count = kept
        if next.count > Self.longestKeptScratch {
            next = []
            previous = []
            heap = MergeHeap()
        }
    }

    @inline(__always)
    private mutating func push(_ position: Int, _ rank: Int32) {
        if rank != Int32.max { heap.push(UInt64(rank) << 32 | UInt64(position)) }
    }
}

/// Binary min-heap of unsigned keys.
struct MergeHeap {
    private var keys: [UInt64] = []

    mutating func removeAll() { keys.removeAll(keepingCapacity: true) }

    mutating func push(_ key: UInt64) {
        var child = keys.count
        keys.append(key)
        while child > 0 {
            let parent = (child - 1) / 2
            if keys[parent] <= key { break }
            keys[child] = keys[parent]
            child = parent
        }
        keys[child] = key
    }

    mutating func pop() -> UInt64? {
        guard let first = keys.first, let last = keys.popLast() else { return nil }
        if keys.isEmpty { return first }
        var hole = 0
        while true {
            var child = 2 * hole + 1
            if child >= keys.count { break }
            if child + 1 < keys.count, keys[child + 1] < keys[child] { child += 1 }
            if last <= keys[child] { break }
            keys[hole] = keys[child]
            hole = child
        }
        keys[hole] = last
        return first
    }
}
