import Corpus
import Runs
import Tokenization

extension Evaluator {
    /// An evaluator on the held-out documents of a corpus.
    ///
    /// - Parameters:
    ///   - listing: the corpus; nil for nothing to evaluate on.
    ///   - selection: the held-out share of a training corpus, or all of another one.
    ///   - tokens: how many tokens, at most.
    /// - Throws: `CorpusError` where there is no such text.
    public init(
        _ configuration: RunConfiguration, listing: CorpusListing?, selection: HeldOutReader.Selection = .heldOut,
        tokenizer: Tokenizer, special: SpecialTokens, tokens: Int
    ) throws {
        let collection = try listing.map { listing in
            try HeldOutReader(
                listing: listing, tokenizer: RunDocumentTokenizer(tokenizer, special), selection: selection
            ).read(tokenBudget: tokens, batchSize: configuration.training.batchSize, check: TerminationSignals.check)
        }
        let paths = listing?.sources.map(\.configuration.path) ?? []
        self.init(
            batches: collection?.batches ?? [],
            sources: paths.count > 1 ? collection?.sources.map { paths[$0] } ?? [] : [],
            vocabularySize: tokenizer.vocabularySize, special: special,
            samples: configuration.evaluation.samples, display: { tokenizer.token($0) })
        if let collection { corpusReport = collection.report }
    }
}

extension Evaluator {
    /// Finds out whether a run's corpus has text of a selection, before anything is trained that is to be judged by it.
    ///
    /// - Parameter tokenizer: path of the run's.
    /// - Throws: `CorpusError.noHeldOutDocuments`, `TokenizerError`.
    package static func check(
        _ configuration: RunConfiguration, has selection: HeldOutReader.Selection, tokenizer path: String
    ) throws {
        let tokenizer = try Tokenizer(contentsOf: path)
        let documents = RunDocumentTokenizer(tokenizer, try tokenizer.specialTokens)
        _ = try HeldOutReader(
            listing: try CorpusListing(configuration.corpus), tokenizer: documents, selection: selection
        ).read(tokenBudget: HeldOutReader.smallestBudget, batchSize: 1, check: TerminationSignals.check)
    }

    /// An evaluator on what a trained model's corpus keeps for it, or on other text.
    ///
    /// - Parameters:
    ///   - configuration: the model's, with what is to be otherwise.
    ///   - selection: a share of the model's own corpus, or all of another one.
    ///   - corruptor: whose masks and replacements the model is to see. Masks go by the place in a batch: batches are cut as this
    ///     one's.
    /// - Throws: `CorpusError`, and where the files of its own corpus are not those that it was trained on.
    public init(
        _ configuration: RunConfiguration, of model: LoadedModel, selection: HeldOutReader.Selection = .heldOut,
        maskedBy corruptor: LoadedModel? = nil
    ) throws {
        var configuration = configuration
        if let corruptor { configuration.training.batchSize = corruptor.configuration.training.batchSize }
        // First, since a model that was not trained here has none, and says so.
        let fingerprint = try selection == .all ? nil : TrainingCheckpoint.fingerprint(model.reader)
        let listing = try CorpusListing(configuration.corpus)
        try fingerprint?.verify(against: listing)
        try self.init(
            configuration, listing: listing, selection: selection, tokenizer: model.tokenizer,
            special: model.engine.special, tokens: configuration.evaluation.tokens)
    }
}
