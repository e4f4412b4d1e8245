import Tokenization

/// What of the texts a model was not trained on.
public struct LostInputs: Codable, Equatable, Sendable {
    /// Of training texts: words that were cut, or are no token.
    public var words = 0
    /// Of these, words that were cut; nil for none.
    public var cutWords: Int?
    /// Of these, those with a label other than O.
    public var labels = 0
    /// Spans that do not begin or end where words do, of all texts: their labels stand on whole words.
    public var misaligned = 0

    /// Tokens that stand for text which the vocabulary has nothing for, of training texts; nil for none.
    public var unknownTokens: Int?
    /// Answers that no window over their context holds as a whole.
    public var answers = 0

    public init() {}

    package var notes: [String] {
        var notes: [String] = []
        if words > 0 {
            notes.append(
                "\(words) words of training texts were cut or are no token, \(labels) of them with a label other than O"
                    + (cutWords == nil ? "" : "; training.long_texts: stride keeps what was cut"))
        }
        if misaligned > 0 {
            notes.append("\(misaligned) spans do not begin or end where words do; they stand for whole words")
        }
        if let unknownTokens {
            notes.append(
                "\(unknownTokens) tokens of training texts are unknown to the vocabulary; the model does not see what they stand for"
            )
        }
        if answers > 0 {
            notes.append(
                "\(answers) answers of training questions are in no window as a whole; raise training.window_overlap")
        }
        return notes
    }
}

/// Turns texts into what the model reads: `[CLS] text [SEP]` or `[CLS] text [SEP] pair [SEP]`.
package struct TaskEncoder {
    let tokenizer: Tokenizer
    private let encoder: TokenizerEncoder
    let special: SpecialTokens
    let longestText: Int
    /// Texts that were cut to the model's length.
    package internal(set) var truncated = 0
    /// What the model does not see of them.
    var lost = LostInputs()

    package init(_ tokenizer: Tokenizer, longestText: Int) throws {
        self.tokenizer = tokenizer
        encoder = TokenizerEncoder(tokenizer)
        special = try tokenizer.specialTokens
        self.longestText = longestText
    }

    func ids(_ text: String) -> [Int32] {
        var ids: [Int32] = []
        var text = text
        text.withUTF8 { encoder.encode($0, into: &ids) }
        return ids
    }

    package func tokens(_ text: String) -> TextTokens { encoder.tokens(Array(text.utf8)) }

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
