import Corpus
import Tokenization

extension Evaluator {
    /// An evaluator on a run's held-out documents, or on all documents of a path.
    ///
    /// - Parameters:
    ///   - corpusPath: file, folder or glob to use instead of the run's held-out share.
    ///   - tokens: how many tokens, at most.
    /// - Throws: `CorpusError` where there is no such text.
    public init(
        _ configuration: RunConfiguration, listing: CorpusListing? = nil, tokenizer: ByteLevelBPE,
        special: SpecialTokenIDs, corpusPath: String? = nil, tokens: Int
    ) throws {
        var corpus = configuration.corpus
        if let corpusPath {
            corpus.sources = [CorpusSource(path: corpusPath)]
            corpus.heldOut = 1
        }
        let listing = try corpusPath == nil ? listing ?? CorpusListing(corpus) : CorpusListing(corpus)
        let batches = try HeldOutText.batches(
            corpus, listing: listing, tokenizer: RunDocumentTokenizer(tokenizer, special), tokens: tokens,
            batchSize: configuration.training.batchSize)
        self.init(
            batches: batches, vocabularySize: tokenizer.vocabularySize, special: special,
            samples: configuration.evaluation.samples, display: { tokenizer.token($0) })
    }
}
