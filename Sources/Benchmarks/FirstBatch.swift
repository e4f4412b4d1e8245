import Corpus
import Engine
import Files
import Kernels
import Pretraining
import Tokenization

/// What a run does first, done before it: opens all that it will open, and takes one step on the first text.
struct FirstBatch {
    /// Text of each source that is looked at.
    static let surveyBytes: Int64 = 16 << 20

    let loss: Double
    let bytesPerToken: Double

    /// The tokenizer that a configuration names, whose size then replaces the configured one.
    ///
    /// - Returns: nil where the run will train one.
    /// - Throws: `TokenizerError`.
    static func tokenizer(_ configuration: inout RunConfiguration) throws -> Tokenizer? {
        guard let path = configuration.tokenizer.path else { return nil }
        let tokenizer = try Tokenizer(contentsOf: path)
        _ = try tokenizer.specialTokens
        configuration.tokenizer.vocabularySize = tokenizer.vocabularySize
        return tokenizer
    }

    /// - Parameter tokenizer: nil to train a small one on the beginning of the text, which takes a moment.
    /// - Throws: whatever would stop the run at its first step.
    init(
        _ requested: RunConfiguration, listing: CorpusListing, tokenizer given: Tokenizer?, threads: Int
    ) throws {
        var configuration = requested
        var sampleBytes = 0
        var sampleTokens = 0
        let trainer = try BPETrainer(vocabularySize: 1024, minimumFrequency: 2)
        let sampler = CorpusSampler(listing: listing, seed: UInt64(configuration.training.seed))
        try sampler.sampleDocuments(limitBytes: 1 << 20) { document in
            sampleBytes += document.count
            if let given {
                var ids: [Int32] = []
                given.encode(document, into: &ids)
                sampleTokens += ids.count
            } else {
                trainer.feed(document)
            }
        }
        let tokenizer = given ?? trainer.train()
        // What a vocabulary of tens of thousands comes to in most languages.
        bytesPerToken = sampleTokens > 0 ? Double(sampleBytes) / Double(sampleTokens) : 4
        configuration.tokenizer.vocabularySize = tokenizer.vocabularySize
        configuration.training.batchSize = min(
            requested.training.sequencesPerStep,
            max(1, requested.training.chunkTokens / requested.corpus.sequenceLength) * threads)
        configuration.training.accumulationSteps = 1
        // Windows of the run's size would take longer to fill than all the rest.
        var corpus = listing.configuration
        corpus.shuffleBytes = min(corpus.shuffleBytes, max(corpus.maximumDocumentBytes, 1 << 20))
        let special = try tokenizer.specialTokens
        let loader = try CorpusLoader(
            listing: listing.with(shuffleBytes: corpus.shuffleBytes),
            tokenizer: RunDocumentTokenizer(tokenizer, special), seed: UInt64(configuration.training.seed),
            batchSize: configuration.training.batchSize)
        defer { loader.stop() }
        let pool = try ThreadPool.reserving(threadCount: threads)
        defer { pool.shutDown() }
        let engine = try TrainingEngine(
            configuration.engine, vocabularySize: tokenizer.vocabularySize, special: special, pool: pool)
        engine.initialize()
        // A run without tokenizer.path trains one, which is not the generator's: it says so then.
        if given != nil, let path = configuration.objective.frozenGenerator.checkpoint {
            try FrozenGenerator.load(path, into: engine, tokenizer: tokenizer)
        }
        loss = try engine.train(try loader.next().batch, step: 1).loss
    }
}
