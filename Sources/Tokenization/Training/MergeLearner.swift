/// Learns merges from counted words: the most frequent pair becomes a symbol, again and again.
///
/// Each candidate in the queue carries the words that hold its pair, so that a merge touches those words alone; counts
/// in the queue are corrected when a candidate comes up. Steps and ties follow `tokenizers`' BpeTrainer, so the same
/// words give the same merges.
struct MergeLearner: ~Copyable {
    /// Raw bytes of every id from `firstID` on.
    private(set) var tokens: [[UInt8]]
    private(set) var merges: [(left: Int32, right: Int32, symbol: Int32)] = []

    private let firstID: Int32
    private let minimumCount: Int64
    /// Tokens that are merged from merged ones stay shorter.
    private let lengthLimit: Int
    private var ids: [[UInt8]: Int32] = [:]
    /// All words' symbols, one after the other; word w holds `lengths[w]` from `starts[w]` on.
    private var symbols: [Int32] = []
    private var starts: [Int] = []
    private var lengths: [UInt32] = []
    private var counts: [Int64] = []
    private var pairs = PairTable()
    private var occurrences: [UInt32] = []
    private var queue = CandidateQueue()
    private var events: [(list: UInt32, word: UInt32)] = []
    private var fresh: [(pair: UInt32, length: UInt32, last: UInt32, fill: Int)] = []
    private var stamp: UInt32 = 0

    /// - Parameter firstID: the id of the first byte symbol; the others follow in the order of their scalars.
    init(_ words: consuming WordTable, firstID: Int, minimumFrequency: Int, lengthLimit: Int? = nil) {
        self.lengthLimit = lengthLimit ?? .max
        self.firstID = Int32(firstID)
        minimumCount = Int64(max(minimumFrequency, 1))
        tokens = ByteAlphabet.bytesInScalarOrder.map { [$0] }
        var idOfByte = [Int32](repeating: 0, count: 256)
        for (index, token) in tokens.enumerated() {
            ids[token] = Int32(firstID + index)
            idOfByte[Int(token[0])] = Int32(firstID + index)
        }
        words.finish()
        symbols.reserveCapacity(words.bytes.count)
        for word in words.words where word.length > 1 {
            starts.append(symbols.count)
            lengths.append(word.length)
            counts.append(Int64(clamping: word.count))
            let offset = Int(word.offset)
            for position in 0..<Int(word.length) { symbols.append(idOfByte[Int(words.bytes[offset + position])]) }
        }
    }

    /// Merges until there are `size` ids or no pair is frequent enough.
    mutating func learn(size: Int, progress: (Double) throws -> Void) rethrows {
        countPairs()
        let first = tokens.count + Int(firstID)
        let total = max(size - first, 1)
        while Int(firstID) + tokens.count < size, var top = queue.pop() {
            let current = pairs.pairs[Int(top.pair)].count
            if top.count != current {
                top.count = current
                queue.push(top)
                continue
            }
            if top.count < minimumCount { break }
            merge(top)
            if merges.count % 256 == 0 {
                try progress(min(1, Double(tokens.count + Int(firstID) - first) / Double(total)))
            }
        }
        try progress(1)
    }

    private mutating func countPairs() {
        var sizes: [UInt32] = []
        for word in starts.indices {
            let start = starts[word]
            for position in start..<(start + Int(lengths[word]) - 1) {
                let index = pairs.index(symbols[position], symbols[position + 1])
                if index == sizes.count { sizes.append(0) }
                pairs.pairs[index].count &+= counts[word]
                if pairs.pairs[index].stamp != UInt32(word + 1) {
                    pairs.pairs[index].stamp = UInt32(word + 1)
                    sizes[index] += 1
                }
            }
        }
        var begins: [Int] = []
        var used = 0
        for size in sizes {
            begins.append(used)
            used += Int(size)
        }
        occurrences = [UInt32](repeating: 0, count: used)
        var fills = begins
        for index in pairs.pairs.indices { pairs.pairs[index].stamp = 0 }
        for word in starts.indices {
            let start = starts[word]
            for position in start..<(start + Int(lengths[word]) - 1) {
                let index = pairs.index(symbols[position], symbols[position + 1])
                if pairs.pairs[index].stamp == UInt32(word + 1) { continue }
                pairs.pairs[index].stamp = UInt32(word + 1)
                occurrences[fills[index]] = UInt32(word)
                fills[index] += 1
            }
        }
        for (index, size) in sizes.enumerated() {
            pairs.pairs[index].stamp = 0
            let pair = pairs.pairs[index]
            queue.push(
                MergeCandidate(
                    count: pair.count, key: pair.key, pair: UInt32(index), length: size, start: begins[index]))
        }
    }

    private mutating func merge(_ candidate: MergeCandidate) {
        let left = Int32(truncatingIfNeeded: candidate.key >> 32)
        let right = Int32(truncatingIfNeeded: candidate.key)
        let token = tokens[Int(left - firstID)] + tokens[Int(right - firstID)]
        let symbol: Int32
        if let known = ids[token] {
            symbol = known
        } else {
            symbol = firstID + Int32(tokens.count)
            ids[token] = symbol
            tokens.append(token)
        }
        merges.append((left, right, symbol))
        stamp += 1
        fresh.removeAll(keepingCapacity: true)
        events.removeAll(keepingCapacity: true)
        for index in candidate.start..<(candidate.start + Int(candidate.length)) {
            mergeWord(occurrences[index], left, right, symbol)
        }
        queueFreshPairs()
    }

    private mutating func mergeWord(_ word: UInt32, _ left: Int32, _ right: Int32, _ symbol: Int32) {
        let start = starts[Int(word)]
        let end = start &+ Int(lengths[Int(word)])
        let count = counts[Int(word)]
        var read = start
        var write = start
        while read < end {
            let current = symbols[read]
            guard current == left, read &+ 1 < end, symbols[read &+ 1] == right else {
                symbols[write] = current
                write &+= 1
                read &+= 1
                continue
            }
            if write > start {
                let before = symbols[write &- 1]
                pairs.pairs[pairs.index(before, left)].count &-= count
                if fits(before, symbol) { gain(pairs.index(before, symbol), word, count) }
            }
            symbols[write] = symbol
            write &+= 1
            read &+= 2
            if read < end {
                let after = symbols[read]
                pairs.pairs[pairs.index(right, after)].count &-= count
                if fits(symbol, after) { gain(pairs.index(symbol, after), word, count) }
            }
        }
        lengths[Int(word)] = UInt32(write &- start)
    }

    /// Whether a pair that a merge made may be merged: with `tokenizers`, a pair that would be too long is not counted.
    @inline(__always)
    private func fits(_ left: Int32, _ right: Int32) -> Bool {
        lengthLimit == .max || tokens[Int(left - firstID)].count + tokens[Int(right - firstID)].count < lengthLimit
    }

    /// Counts a pair that a merge made, and notes the word for the pair's candidate.
    private mutating func gain(_ index: Int, _ word: UInt32, _ count: Int64) {
        pairs.pairs[index].count &+= count
        if pairs.pairs[index].stamp != stamp {
            pairs.pairs[index].stamp = stamp
            pairs.pairs[index].list = UInt32(fresh.count)
            fresh.append((UInt32(index), 0, UInt32.max, 0))
        }
        let list = Int(pairs.pairs[index].list)
        if fresh[list].last != word {
            fresh[list].last = word
            fresh[list].length += 1
            events.append((UInt32(list), word))
        }
    }

    private mutating func queueFreshPairs() {
        for index in fresh.indices {
            let pair = pairs.pairs[Int(fresh[index].pair)]
            // Words of a pair that cannot be merged any more need no place.
            guard pair.count > 0 else {
                fresh[index].fill = -1
                continue
            }
            fresh[index].fill = occurrences.count
            queue.push(
                MergeCandidate(
                    count: pair.count, key: pair.key, pair: fresh[index].pair, length: fresh[index].length,
                    start: occurrences.count))
            occurrences.append(contentsOf: repeatElement(0, count: Int(fresh[index].length)))
        }
        for event in events where fresh[Int(event.list)].fill >= 0 {
            occurrences[fresh[Int(event.list)].fill] = event.word
            fresh[Int(event.list)].fill += 1
        }
    }
}
