/// The tokens of a text, and which bytes of it each stands for.
public struct TextTokens: Equatable, Sendable {
    public var ids: [Int32] = []
    /// In UTF-8.
    public var ranges: [Range<Int>] = []

    public init(ids: [Int32] = [], ranges: [Range<Int>] = []) {
        self.ids = ids
        self.ranges = ranges
    }

    /// How many tokens begin before each of some offsets into the text.
    ///
    /// - Parameter offsets: of bytes, ascending.
    package func counts(before offsets: [Int]) -> [Int] {
        var count = 0
        return offsets.map { offset in
            while count < ranges.count, ranges[count].lowerBound < offset { count += 1 }
            return count
        }
    }

    /// The characters that each token stands for, as Python counts them (Unicode code points): those of which it has a byte.
    ///
    /// - Parameter text: which the tokens are of; a byte that is not UTF-8 counts like those of a character.
    public func characterOffsets(in text: [UInt8]) -> [Range<Int>] {
        // For each byte the character that it is of.
        var characters = [Int](repeating: 0, count: text.count + 1)
        var count = 0
        for (index, byte) in text.enumerated() {
            if byte & 0xC0 != 0x80 { count += 1 }
            characters[index] = max(count - 1, 0)
        }
        return ranges.map { range in
            range.isEmpty
                ? characters[range.lowerBound]..<characters[range.lowerBound]
                : characters[range.lowerBound]..<(characters[range.upperBound - 1] + 1)
        }
    }
}
