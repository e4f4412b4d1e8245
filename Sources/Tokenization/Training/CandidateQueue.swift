/// A pair that may be merged, with its count when it was queued and the words that hold it.
struct MergeCandidate {
    var count: Int64
    /// Left id << 32 | right id.
    var key: UInt64
    /// Index into `PairTable.pairs`.
    var pair: UInt32
    /// The words: `length` entries from `start` on in the list of occurrences.
    var length: UInt32
    var start: Int

    /// The order of merging, as in `tokenizers`: the highest count, then the smallest ids.
    @inline(__always)
    func precedes(_ other: MergeCandidate) -> Bool {
        count != other.count ? count > other.count : key < other.key
    }
}

/// Binary heap of candidates, the next merge first.
struct CandidateQueue {
    private var heap: [MergeCandidate] = []

    mutating func push(_ candidate: MergeCandidate) {
        var child = heap.count
        heap.append(candidate)
        while child > 0 {
            let parent = (child - 1) / 2
            if !candidate.precedes(heap[parent]) { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = candidate
    }

    mutating func pop() -> MergeCandidate? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if heap.isEmpty { return first }
        var hole = 0
        while true {
            var child = 2 * hole + 1
            if child >= heap.count { break }
            if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
            if !heap[child].precedes(last) { break }
            heap[hole] = heap[child]
            hole = child
        }
        heap[hole] = last
        return first
    }
}
