import Configuration
import Tokenization

/// Where the vocabulary comes from.
public struct TokenizerConfiguration: Configurable, Equatable {
    public var path: String?
    public var vocabularySize = 30522
    public var minimumFrequency = 2
    public var sampleBytes = 50_000_000
    /// The one with the most bytes for a token in all languages that were measured (docs/RESULTS.md).
    public var pattern = TokenizerTrainingOptions.Pattern.llama3Marks
    public var digits: Int?
    public var composed = false
    public var lowercase = false
    public var maximumTokenLength: Int?

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.text(
            "path", &path,
            "A tokenizer.json (byte-level BPE, WordPiece or Unigram), a vocab.txt of BERT, or a folder with one of them; null "
                + "trains a byte-level BPE at the first run.")
        try fields.integer(
            "vocabulary_size", &vocabularySize, 262...BPETrainer.maximumVocabularySize,
            "Entries of a trained vocabulary, special tokens included.")
        try fields.integer(
            "minimum_frequency", &minimumFrequency, 1...1_000_000, "Pairs seen less often are not merged.")
        try fields.integer(
            "sample_bytes", &sampleBytes, 1000...100_000_000_000, "Text that a vocabulary is trained on, at most.")
        try fields.choice(
            "pattern", &pattern,
            "What tokens of a trained vocabulary do not reach across. gpt2: letters, numbers and the rest apart; llama3: as "
                + "cl100k, digits in groups; llama3_marks: and combining marks kept with their letters, for scripts that write "
                + "vowels as marks (Devanagari, Tamil, Hebrew points) and for decomposed accents.")
        try fields.integer("digits", &digits, 1...9, "llama3, llama3_marks: most digits of a token; null: 3.")
        try fields.flag("composed", &composed, "Compose characters and their marks first (NFC).")
        try fields.flag("lowercase", &lowercase, "Make the text lower case first.")
        try fields.integer(
            "maximum_token_length", &maximumTokenLength, 3...512,
            "Merged tokens stay shorter than this, in bytes (max_token_length of tokenizers); null: no limit.")
    }

    public var uses: [SettingUse] {
        [
            SettingUse(
                "minimum_frequency", "sample_bytes", "pattern", "digits", "composed", "lowercase",
                "maximum_token_length", isRead: path == nil,
                otherwise: "is for a vocabulary that is trained; path names one that is there")
        ]
    }

    public func validate() throws {
        if digits != nil, pattern == .gpt2 {
            throw InvalidSetting("digits", "is for pattern llama3 or llama3_marks; gpt2 takes all digits together")
        }
    }

    /// What a vocabulary is trained with.
    public var trainingOptions: TokenizerTrainingOptions {
        var options = TokenizerTrainingOptions()
        options.pattern = pattern
        options.digits = digits ?? options.digits
        options.isComposed = composed
        options.isLowercased = lowercase
        options.maximumTokenLength = maximumTokenLength
        return options
    }
}
