import Tokenization

/// The words of a text, as far as its tokens tell them apart.
package struct TextWords: Equatable {
    /// Bytes of each, without spaces around.
    package private(set) var ranges: [Range<Int>] = []
    /// Index of each word's first token.
    package private(set) var firstTokens: [Int] = []

    /// Words begin with a token that begins behind a space, where letters and digits end or begin, or at any other sign.
    package init(_ text: String, _ tokens: TextTokens) {
        let (isBoundary, isSpace) = Self.boundaries(text)
        for (index, range) in tokens.ranges.enumerated() {
            guard let start = range.first(where: { !isSpace[$0] }), let last = range.last(where: { !isSpace[$0] })
            else {
                continue
            }
            // Tokens of a text that was changed first may stand for the same bytes.
            if isBoundary[start] || ranges.isEmpty, ranges.last?.lowerBound != start {
                ranges.append(start..<last + 1)
                firstTokens.append(index)
            } else {
                let word = ranges[ranges.count - 1]
                ranges[ranges.count - 1] = word.lowerBound..<max(word.upperBound, last + 1)
            }
        }
    }

    /// For every byte, whether a word may begin there, and whether it is of a space.
    private static func boundaries(_ text: String) -> (isBoundary: [Bool], isSpace: [Bool]) {
        enum Sort { case space, word, other }
        var (isBoundary, isSpace): ([Bool], [Bool]) = ([], [])
        var before = Sort.space
        for scalar in text.unicodeScalars {
            let properties = scalar.properties
            let sort: Sort =
                properties.isWhitespace
                ? .space
                : properties.isAlphabetic || properties.numericType != nil || scalar.isMark
                    || scalar == "_" ? .word : .other
            isBoundary.append(sort != before || sort == .other)
            isSpace.append(sort == .space)
            for _ in 1..<UTF8.width(scalar) {
                isBoundary.append(false)
                isSpace.append(sort == .space)
            }
            before = sort
        }
        return (isBoundary, isSpace)
    }
}
