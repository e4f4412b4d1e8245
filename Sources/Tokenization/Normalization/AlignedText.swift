/// A text on its way through a normalizer, with the part of the original that each scalar stands for.
///
/// What is changed is described as `NormalizedString` of `tokenizers` describes it, so that offsets agree where a character
/// becomes several, several one, or order changes.
struct AlignedText {
    private(set) var scalars: [UInt32]
    /// For each scalar, in bytes of the original text.
    private(set) var sources: [Range<Int>]
    /// Where the text begins in the original.
    let start: Int

    /// A scalar of a changed text. One with a change above zero is new and stands for what the scalar before it stands for; any
    /// other takes the place of the next scalar of the old text, of which as many more go as the change is below zero.
    struct Change {
        var scalar: UInt32
        var change: Int
    }

    /// - Parameter bytes: what is not UTF-8 in them becomes U+FFFD, byte by byte.
    init(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int) {
        self.start = start
        scalars = []
        sources = []
        scalars.reserveCapacity(bytes.count)
        sources.reserveCapacity(bytes.count)
        guard let base = bytes.baseAddress else { return }
        var position = 0
        while position < bytes.count {
            let (scalar, length) = decodeScalar(base, at: position, end: bytes.count)
            scalars.append(scalar < InvalidByte.base ? scalar : 0xFFFD)
            sources.append((start + position)..<(start + position + length))
            position += length
        }
    }

    var isEmpty: Bool { scalars.isEmpty }

    var isASCII: Bool { scalars.allSatisfy { $0 < 0x80 } }

    /// What some scalars stand for.
    func source(_ range: Range<Int>) -> Range<Int> {
        let first = sources[range.lowerBound].lowerBound
        return first..<max(first, sources[range.upperBound - 1].upperBound)
    }

    /// Appends a part as UTF-8.
    func appendUTF8(_ range: Range<Int>, to bytes: inout [UInt8]) {
        for index in range { Tokenization.appendUTF8(scalars[index], to: &bytes) }
    }

    /// Puts a changed text in place of this one.
    mutating func transform(_ changes: [Change]) {
        var result: [Range<Int>] = []
        result.reserveCapacity(changes.count)
        /// The next scalar of the old text.
        var old = 0
        for each in changes {
            if each.change > 0 {
                result.append(old > 0 ? sources[old - 1] : start..<start)
            } else {
                result.append(old < sources.count ? sources[old] : sources.last ?? start..<start)
                old = min(old + 1 - each.change, sources.count)
            }
        }
        scalars = changes.map(\.scalar)
        sources = result
    }

    /// Replaces scalars one by one.
    mutating func map(_ change: (UInt32) -> UInt32) {
        for index in scalars.indices { scalars[index] = change(scalars[index]) }
    }

    /// Leaves scalars out.
    mutating func filter(_ keeps: (UInt32) -> Bool) {
        guard let first = scalars.firstIndex(where: { !keeps($0) }) else { return }
        var kept = first
        for index in (first + 1)..<max(first + 1, scalars.count) where keeps(scalars[index]) {
            scalars[kept] = scalars[index]
            sources[kept] = sources[index]
            kept += 1
        }
        scalars.removeSubrange(kept...)
        sources.removeSubrange(kept...)
    }

    /// Keeps a part.
    mutating func trim(to range: Range<Int>) {
        scalars.removeSubrange(range.upperBound...)
        sources.removeSubrange(range.upperBound...)
        scalars.removeSubrange(..<range.lowerBound)
        sources.removeSubrange(..<range.lowerBound)
    }

    /// Replaces each scalar by some that stand for the same.
    ///
    /// - Parameter replacement: nil to keep a scalar.
    mutating func expand(_ replacement: (UInt32) -> [UInt32]?) {
        guard let first = scalars.firstIndex(where: { replacement($0) != nil }) else { return }
        var (newScalars, newSources) = (Array(scalars[..<first]), Array(sources[..<first]))
        for index in first..<scalars.count {
            guard let content = replacement(scalars[index]) else {
                newScalars.append(scalars[index])
                newSources.append(sources[index])
                continue
            }
            newScalars.append(contentsOf: content)
            newSources.append(contentsOf: repeatElement(sources[index], count: content.count))
        }
        (scalars, sources) = (newScalars, newSources)
    }

    /// Replaces parts; the new scalars stand for what the last of the old ones stood for.
    ///
    /// - Parameter matches: from start to end, none of them empty.
    mutating func replace(_ matches: [Range<Int>], with content: [UInt32]) {
        if matches.isEmpty { return }
        var (newScalars, newSources): ([UInt32], [Range<Int>]) = ([], [])
        var position = 0
        for match in matches {
            newScalars += scalars[position..<match.lowerBound]
            newSources += sources[position..<match.lowerBound]
            newScalars += content
            newSources += repeatElement(sources[match.upperBound - 1], count: content.count)
            position = match.upperBound
        }
        newScalars += scalars[position...]
        newSources += sources[position...]
        (scalars, sources) = (newScalars, newSources)
    }

    /// Puts scalars before the text, which stand for what its first scalar stands for; an empty text stays so.
    mutating func prepend(_ content: [UInt32]) {
        guard let first = sources.first else { return }
        scalars.insert(contentsOf: content, at: 0)
        sources.insert(contentsOf: repeatElement(first, count: content.count), at: 0)
    }

    /// Divides the text into pieces anew, as the Metaspace pre-tokenizer does: spaces become a sign, and pieces that begin with
    /// none get one.
    ///
    /// - Returns: where the pieces are now.
    mutating func mark(
        _ pieces: [Range<Int>], with sign: UInt32, prepends: (Range<Int>) -> Bool
    ) -> [Range<Int>] {
        var (newScalars, newSources): ([UInt32], [Range<Int>]) = ([], [])
        newScalars.reserveCapacity(scalars.count + pieces.count)
        newSources.reserveCapacity(scalars.count + pieces.count)
        let marked = pieces.map { piece in
            let start = newScalars.count
            let first = scalars[piece.lowerBound]
            if first != 0x20, first != sign, prepends(piece) {
                newScalars.append(sign)
                newSources.append(sources[piece.lowerBound])
            }
            for index in piece {
                newScalars.append(scalars[index] == 0x20 ? sign : scalars[index])
                newSources.append(sources[index])
            }
            return start..<newScalars.count
        }
        (scalars, sources) = (newScalars, newSources)
        return marked
    }
}
