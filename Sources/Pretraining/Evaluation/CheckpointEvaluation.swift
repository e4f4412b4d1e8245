import Checkpoints
import Corpus
import Engine
import Kernels
import Tokenization

/// The newest checkpoint of a run, opened to be evaluated on the run's own text.
package final class CheckpointEvaluation {
    private let engine: TrainingEngine
    private let evaluator: Evaluator
    private let step: Int

    /// - Parameters:
    ///   - directory: of the run.
    ///   - selection: which of its documents.
    ///   - masksForOthers: whether it is to mask them for other models, as `LoadedModel` says.
    /// - Throws: what opening the checkpoint or the corpus throws, and where the files are not those that it was trained on.
    package init(directory: String, selection: HeldOutReader.Selection, masksForOthers: Bool = false, threads: Int)
        throws
    {
        let reader = try CheckpointReader(newestOf: directory)
        let configuration = try TrainingCheckpoint.configuration(reader)
        let tokenizer = try Tokenizer(json: Array(try TrainingCheckpoint.tokenizer(reader)))
        let special = try tokenizer.specialTokens
        var settings = configuration.engine
        if masksForOthers { settings.objective.hideAllToPredict() }
        engine = try TrainingEngine(
            settings, vocabularySize: tokenizer.vocabularySize, special: special,
            pool: ThreadPool.reserving(threadCount: threads), writesCheckpoints: false)
        try TrainingCheckpoint.load(reader, into: engine, moments: false)
        let listing = try CorpusListing(configuration.corpus)
        try TrainingCheckpoint.fingerprint(reader).verify(against: listing)
        evaluator = try Evaluator(
            configuration, listing: listing, selection: selection, tokenizer: tokenizer,
            special: special, tokens: configuration.evaluation.tokens)
        step = try TrainingCheckpoint.state(reader).step
    }

    deinit { engine.pool.shutDown() }

    /// How this model masks and replaces tokens of each batch.
    package func corruptions() throws -> [Corruption] {
        try evaluator.batches.enumerated().map { try engine.corruption(of: $1, index: $0) }
    }

    /// - Parameter corruptions: of the batches by another model; nil: by this one.
    package func evaluate(corruptions: [Corruption]? = nil) throws -> EvaluationReport {
        try evaluator.evaluate(engine, step: step, corruptions: corruptions)
    }
}
