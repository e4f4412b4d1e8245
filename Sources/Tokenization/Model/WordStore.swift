/// Words and their ids, of any length and number, until there are too many: what a `WordCache` has no room for. Nothing is
/// allocated for a single word.
struct WordStore {
    private struct Word {
        var hash: UInt32
        /// Within `bytes` and `ids`.
        var offset: UInt32
        var length: UInt32
        var firstID: UInt32
        var idCount: UInt32
    }

    private let limit: Int
    private var words: [Word] = []
    private var bytes: [UInt8] = []
    private var ids: [Int32] = []
    /// Open addressing: 1 + index into `words`; 0 for free. Twice as many as there may be words, once there are some.
    private var slots: [UInt32] = []

    /// - Parameter limit: when there are as many words, all are forgotten; a power of two.
    init(limit: Int) { self.limit = limit }

    /// Appends the ids of a word, where it is known.
    func append(_ word: UnsafeBufferPointer<UInt8>, hash: UInt32, to result: inout [Int32]) -> Bool {
        guard !slots.isEmpty, let base = word.baseAddress else { return false }
        var slot = Int(hash) & (slots.count &- 1)
        while case let reference = slots[slot], reference != 0 {
            let known = words[Int(reference) &- 1]
            if known.hash == hash, Int(known.length) == word.count, equals(known, base) {
                let first = Int(known.firstID)
                result.append(contentsOf: ids[first..<first + Int(known.idCount)])
                return true
            }
            slot = (slot &+ 1) & (slots.count &- 1)
        }
        return false
    }

    private func equals(_ known: Word, _ word: UnsafePointer<UInt8>) -> Bool {
        bytes.withUnsafeBufferPointer { bytes in
            (0..<Int(known.length)).allSatisfy { bytes[Int(known.offset) &+ $0] == word[$0] }
        }
    }

    /// - Parameter word: one that is not known yet.
    mutating func insert(_ word: UnsafeBufferPointer<UInt8>, hash: UInt32, _ new: [Int32]) {
        if slots.isEmpty || words.count == limit {
            words.removeAll(keepingCapacity: true)
            bytes.removeAll(keepingCapacity: true)
            ids.removeAll(keepingCapacity: true)
            slots = [UInt32](repeating: 0, count: 2 * limit)
        }
        var slot = Int(hash) & (slots.count &- 1)
        while slots[slot] != 0 { slot = (slot &+ 1) & (slots.count &- 1) }
        words.append(
            Word(
                hash: hash, offset: UInt32(bytes.count), length: UInt32(word.count), firstID: UInt32(ids.count),
                idCount: UInt32(new.count)))
        slots[slot] = UInt32(words.count)
        bytes.append(contentsOf: word)
        ids.append(contentsOf: new)
    }
}
