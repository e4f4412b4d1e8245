import Corpus
import Runs
import Tokenization

extension Run {
    /// Finds or trains the tokenizer that runs of a configuration use, for runs that are to share it.
    ///
    /// - Parameter folder: receives `tokenizer.json`, unless it is there already.
    /// - Returns: its vocabulary size.
    @discardableResult
    public static func prepareTokenizer(
        _ configuration: RunConfiguration, folder: String, progress: ProgressLine
    ) throws -> Int {
        guard !configuration.corpus.sources.isEmpty else { throw PretrainingError.noSources }
        let directory = RunDirectory(path: folder)
        if let existing = try? ByteLevelBPE(contentsOf: directory.tokenizer) { return existing.vocabularySize }
        let tokenizer = try RunTokenizer.open(
            configuration, directory: directory, checkpoint: nil, listing: try CorpusListing(configuration.corpus),
            progress: progress, report: { _ in })
        return tokenizer.vocabularySize
    }
}
