/// The ids that pretraining needs.
public struct SpecialTokens: Equatable, Sendable {
    public var padding: Int32
    public var unknown: Int32
    public var classification: Int32
    public var separator: Int32
    public var mask: Int32

    public init(padding: Int32, unknown: Int32, classification: Int32, separator: Int32, mask: Int32) {
        self.padding = padding
        self.unknown = unknown
        self.classification = classification
        self.separator = separator
        self.mask = mask
    }

    /// The tokens that a tokenizer trained here has, in the order of their ids 0 to 4.
    public static let contents = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

    /// All five ids.
    public var all: [Int32] { [padding, unknown, classification, separator, mask] }
}

extension Tokenizer {
    /// The ids of padding, unknown, classification, separator and mask, looked up by content: BERT's names or
    /// RoBERTa's.
    ///
    /// - Throws: `TokenizerError.missingSpecialToken`.
    public var specialTokens: SpecialTokens {
        get throws(TokenizerError) {
            let found = SpecialTokens(
                padding: try special("padding", ["[PAD]", "<pad>"]),
                unknown: try special("unknown", ["[UNK]", "<unk>"]),
                classification: try special("classification", ["[CLS]", "<s>"]),
                separator: try special("separator", ["[SEP]", "</s>"]),
                mask: try special("mask", ["[MASK]", "<mask>"]))
            let all = Set([found.padding, found.unknown, found.classification, found.separator, found.mask])
            guard vocabularySize > all.count else {
                throw .invalid(component: "vocabulary", problem: "it has nothing but special tokens")
            }
            return found
        }
    }

    private func special(_ role: String, _ accepted: [String]) throws(TokenizerError) -> Int32 {
        for content in accepted {
            if let id = id(of: content) { return id }
        }
        throw .missingSpecialToken(role: role, accepted: accepted)
    }
}
