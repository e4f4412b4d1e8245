/// Where sentences end in a text: what `corpus.pairs` divides documents at.
///
/// A sentence ends where a line does, and after a full stop, question or exclamation mark of any script (and closing quotes
/// or brackets behind it) before white space; in scripts that write no space, right after the mark. ELECTRA's example
/// builder knows lines alone. Ends stand before white space.
package enum SentenceEnds {
    /// Code points of marks, as UTF-8.
    private static let marks = Set(".!?…।॥؟۔።։".unicodeScalars.map(\.value))
    private static let marksWithoutSpace = Set("。！？".unicodeScalars.map(\.value))
    private static let closing = Set("\"')]}’”»」』）".unicodeScalars.map(\.value))

    /// Of each byte, whether it is a code point that is neither mark nor closing nor space.
    private static let isPlain = (0..<256).map { byte in
        let value = UInt32(byte)
        return byte < 0x80 && !isSpace(UInt8(byte)) && !marks.contains(value) && !closing.contains(value)
    }

    /// Offsets of bytes, ascending, neither 0 nor the end.
    ///
    /// - Parameter text: well-formed UTF-8.
    package static func offsets(in text: UnsafeBufferPointer<UInt8>) -> [Int] {
        let isPlain = isPlain
        var ends: [Int] = []
        var index = 0
        /// Whether the last code point but closing ones was a mark.
        var isAfterMark = false
        while index < text.count {
            if isSpace(text[index]) {
                let start = index
                var hasLineEnd = false
                while index < text.count, isSpace(text[index]) {
                    hasLineEnd = hasLineEnd || text[index] == 0x0A || text[index] == 0x0D
                    index += 1
                }
                if start > 0, index < text.count, hasLineEnd || isAfterMark { ends.append(start) }
                isAfterMark = false
                continue
            }
            // Most are letters, which say nothing but that no mark is before.
            if isPlain[Int(text[index])] {
                index += 1
                isAfterMark = false
                continue
            }
            let (value, length) = codePoint(text, at: index)
            index += length
            if marksWithoutSpace.contains(value) {
                if index < text.count, !isSpace(text[index]) { ends.append(index) }
                isAfterMark = true
            } else if marks.contains(value) {
                isAfterMark = true
            } else if !closing.contains(value) {
                isAfterMark = false
            } else if isAfterMark, ends.last == index - length {
                // A closing quote belongs to the sentence before it.
                ends.removeLast()
                if index < text.count { ends.append(index) }
            }
        }
        return ends
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func codePoint(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> (value: UInt32, length: Int) {
        let first = text[index]
        let length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        guard length > 1, index + length <= text.count else { return (UInt32(first), 1) }
        var value = UInt32(first) & (0x7F >> UInt32(length))
        for offset in 1..<length { value = value << 6 | UInt32(text[index + offset] & 0x3F) }
        return (value, length)
    }
}
