import Configuration
import Tokenization

/// Where the vocabulary comes from.
public struct TokenizerConfiguration: Configurable, Equatable {
    public var path: String?
    public var vocabularySize = 30522
    public var minimumFrequency = 2
    public var sampleBytes = 50_000_000

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.text("path", &path, "A tokenizer.json of byte-level BPE; null trains one at the first run.")
        try fields.integer(
            "vocabulary_size", &vocabularySize, 262...BPETrainer.maximumVocabularySize,
            "Entries of a trained vocabulary, special tokens included.")
        try fields.integer(
            "minimum_frequency", &minimumFrequency, 1...1_000_000, "Pairs seen less often are not merged.")
        try fields.integer(
            "sample_bytes", &sampleBytes, 1000...100_000_000_000, "Text that a vocabulary is trained on, at most.")
    }
}
