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
    /// An evaluator on what a trained model's corpus holds out.
    ///
    /// - Parameter configuration: the model's, with what is to be otherwise.
    /// - Throws: `CorpusError`, and where the files are not those that it was trained on.
    public init(_ configuration: RunConfiguration, of model: LoadedModel) throws {
        let fingerprint = try TrainingCheckpoint.fingerprint(model.reader)
        let listing = try CorpusListing(configuration.corpus)
        try fingerprint.verify(against: listing)
        try self.init(
            configuration, listing: listing, tokenizer: model.tokenizer, special: model.engine.special,
            tokens: configuration.evaluation.tokens)
    }
}
