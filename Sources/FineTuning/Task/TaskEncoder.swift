import Tokenization

/// Turns texts into what the model reads: `[CLS] text [SEP]` or `[CLS] text [SEP] pair [SEP]`.
package struct TaskEncoder {
    private let encoder: BPEEncoder
    private let special: SpecialTokens
    private let longestText: Int
    /// Texts that were cut to the model's length.
    package internal(set) var truncated = 0

    package init(_ tokenizer: ByteLevelBPE, longestText: Int) throws {
        encoder = BPEEncoder(tokenizer)
        special = try tokenizer.specialTokens
        self.longestText = longestText
    }

    private func ids(_ text: String) -> [Int32] {
        var ids: [Int32] = []
        var text = text
        text.withUTF8 { encoder.encode($0, into: &ids, parsing: .none) }
        return ids
    }

    /// Of a pair that is too long, the longer text is cut (`longest_first` of transformers).
    package mutating func encode(_ row: TaskRow, target: TaskTarget?, weight: Double = 1) -> TaskExample {
        var first = ids(row.text)
        guard let pair = row.pair else {
            if first.count + 2 > longestText {
                truncated += 1
                first.removeLast(first.count + 2 - longestText)
            }
            return TaskExample(
                tokens: [special.classification] + first + [special.separator], target: target, weight: weight)
        }
        var second = ids(pair)
        if first.count + second.count + 3 > longestText {
            truncated += 1
            let kept = PairTruncation.kept(first.count, second.count, of: longestText - 3)
            first.removeLast(first.count - kept.first)
            second.removeLast(second.count - kept.second)
        }
        return TaskExample(
            tokens: [special.classification] + first + [special.separator] + second + [special.separator],
            pairStart: first.count + 2, target: target, weight: weight)
    }
}
