/// Distinct words of a corpus with 64-bit counts, in bounded memory.
///
/// When the table holds more than `limit` words, the rarest are dropped: all words counted once, then all counted
/// twice, and so on until at most half the limit is left. What is dropped depends only on the sequence of words.
struct WordTable: ~Copyable {
    struct Word {
        var offset: UInt64
        var count: UInt64
        var length: UInt32
        var hash: UInt32
    }

    private(set) var words: [Word] = []
    private(set) var bytes: [UInt8] = []
    /// How many occurrences were dropped with rare words.
    private(set) var droppedOccurrences: UInt64 = 0
    private let limit: Int
    private let byteLimit: Int
    /// Open addressing: 1 + index into `words`; 0 for free.
    private var slots: [UInt32]
    private var mask: Int

    init(limit: Int) {
        self.limit = max(limit, 16)
        byteLimit = self.limit * 64
        slots = [UInt32](repeating: 0, count: 1 << 16)
        mask = (1 << 16) - 1
    }

    mutating func add(_ word: UnsafePointer<UInt8>, _ length: Int) {
        let hash = WordHash.hash(word, length)
        var slot = Int(hash) & mask
        while true {
            let reference = slots[slot]
            if reference == 0 { break }
            let index = Int(reference) &- 1
            if words[index].hash == hash, words[index].length == length, equals(index, word, length) {
                words[index].count &+= 1
                return
            }
            slot = (slot &+ 1) & mask
        }
        words.append(Word(offset: UInt64(bytes.count), count: 1, length: UInt32(length), hash: hash))
        bytes.append(contentsOf: UnsafeBufferPointer(start: word, count: length))
        slots[slot] = UInt32(words.count)
        if words.count > limit || bytes.count > byteLimit {
            prune()
        } else if words.count &* 2 > mask {
            rebuild(capacity: (mask + 1) * 2)
        }
    }

    @inline(__always)
    private func equals(_ index: Int, _ word: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        let offset = Int(words[index].offset)
        return bytes.withUnsafeBufferPointer { buffer in
            for position in 0..<length where buffer[offset &+ position] != word[position] { return false }
            return true
        }
    }

    private mutating func rebuild(capacity: Int) {
        slots = [UInt32](repeating: 0, count: capacity)
        mask = capacity - 1
        for index in words.indices {
            var slot = Int(words[index].hash) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = UInt32(index + 1)
        }
    }

    private mutating func prune() {
        var threshold: UInt64 = 1
        repeat {
            var kept = 0
            var used = 0
            for index in words.indices {
                var word = words[index]
                if word.count <= threshold {
                    droppedOccurrences += word.count
                    continue
                }
                let offset = Int(word.offset)
                for position in 0..<Int(word.length) { bytes[used + position] = bytes[offset + position] }
                word.offset = UInt64(used)
                used += Int(word.length)
                words[kept] = word
                kept += 1
            }
            words.removeSubrange(kept...)
            bytes.removeSubrange(used...)
            threshold += 1
        } while words.count > limit / 2 || bytes.count > byteLimit / 2
        rebuild(capacity: mask + 1)
    }

    /// Gives the memory of the hash index back; `add` must not follow.
    mutating func finish() { slots = [] }
}
