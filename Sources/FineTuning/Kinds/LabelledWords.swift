/// A text's words as tokens.
package struct LabelledWords {
    package var ids: [Int32] = []
    /// Of each word; nil for one that is no token.
    package var firstTokens: [Int?] = []
    /// The bytes of each, where they stand in a text.
    var ranges: [Range<Int>] = []

    /// BIO labels of the words that spans touch. A word in two spans is the first one's.
    func labels(of spans: [TextSpan], in text: String, lost: inout LostInputs) -> [String] {
        let characters = TextCharacters(text)
        var labels = [String](repeating: "O", count: ranges.count)
        for span in spans.sorted(by: { $0.start < $1.start }) {
            let bytes = characters.bytes(span.start..<span.end)
            let touched = ranges.indices.filter { ranges[$0].overlaps(bytes) && labels[$0] == "O" }
            for word in touched { labels[word] = (word == touched[0] ? "B-" : "I-") + span.label }
            if let first = touched.first, let last = touched.last,
                ranges[first].lowerBound == bytes.lowerBound, ranges[last].upperBound == bytes.upperBound
            {
                continue
            }
            lost.misaligned += 1
        }
        return labels
    }
}

extension TaskEncoder {
    /// Given words are as those of a text with a space between each two.
    package func words(_ row: TaskRow) -> LabelledWords {
        var result = LabelledWords()
        guard let words = row.words else {
            let tokens = tokens(row.text)
            let words = TextWords(row.text, tokens)
            return LabelledWords(ids: tokens.ids, firstTokens: words.firstTokens, ranges: words.ranges)
        }
        for (index, word) in words.enumerated() {
            let ids = ids(index == 0 ? word : " " + word)
            // A token of nothing but the space before the word says nothing of it.
            let first = ids.firstIndex { !tokenizer.isSpace($0) } ?? 0
            result.firstTokens.append(ids.isEmpty ? nil : result.ids.count + first)
            result.ids += ids
        }
        return result
    }
}
