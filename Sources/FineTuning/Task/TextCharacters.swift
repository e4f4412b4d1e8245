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
