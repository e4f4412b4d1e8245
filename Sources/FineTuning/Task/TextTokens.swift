import Tokenization

/// The tokens of a text, and which bytes of it each stands for.
package struct TextTokens: Equatable {
    package var ids: [Int32] = []
    /// In UTF-8.
    package var ranges: [Range<Int>] = []
}

extension TaskEncoder {
    /// A byte-level token is the bytes that it stands for. Where the tokenizer changes text first (normal forms, small letters),
    /// the text is divided at its spaces, and what of a part does not read as it was written stands for the part as a whole.
    package func tokens(_ text: String) -> TextTokens {
        let bytes = Array(text.utf8)
        if let exact = exact(bytes, 0..<bytes.count) { return exact }
        var tokens = TextTokens()
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, Self.isSpace(bytes[end]) { end += 1 }
            let first = end
            while end < bytes.count, !Self.isSpace(bytes[end]) { end += 1 }
            if let exact = exact(bytes, start..<end) {
                tokens.ids += exact.ids
                tokens.ranges += exact.ranges
            } else {
                let ids = ids(String(decoding: bytes[start..<end], as: UTF8.self))
                tokens.ids += ids
                tokens.ranges += ids.map { _ in first..<end }
            }
            start = end
        }
        return tokens
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    /// - Returns: nil where the tokens' bytes are not those of the text.
    private func exact(_ bytes: [UInt8], _ range: Range<Int>) -> TextTokens? {
        let ids = ids(String(decoding: bytes[range], as: UTF8.self))
        guard tokenizer.decode(ids).elementsEqual(bytes[range]) else { return nil }
        var start = range.lowerBound
        return TextTokens(
            ids: ids,
            ranges: ids.map { id in
                let end = start + (tokenizer.bytes(of: id)?.count ?? 0)
                defer { start = end }
                return start..<end
            })
    }
}

/// Characters of a text, as Python counts them (Unicode code points), in its bytes.
struct TextCharacters {
    /// Where each begins in UTF-8, and the length of the text.
    let offsets: [Int]

    init(_ text: String) {
        var (offsets, offset) = ([Int](), 0)
        for scalar in text.unicodeScalars {
            offsets.append(offset)
            offset += UTF8.width(scalar)
        }
        self.offsets = offsets + [offset]
    }

    var count: Int { offsets.count - 1 }

    func bytes(_ characters: Range<Int>) -> Range<Int> {
        offsets[characters.lowerBound]..<offsets[characters.upperBound]
    }

    /// The characters that have any of the bytes.
    func characters(_ bytes: Range<Int>) -> Range<Int> {
        var (start, end) = (count, count)
        // The last that begins at or before the first byte, and the first that begins at or behind the end.
        var (low, high) = (0, offsets.count)
        while low + 1 < high {
            let middle = (low + high) / 2
            if offsets[middle] <= bytes.lowerBound { low = middle } else { high = middle }
        }
        start = min(low, count)
        end = start
        while end < count, offsets[end] < bytes.upperBound { end += 1 }
        return start..<end
    }
}
