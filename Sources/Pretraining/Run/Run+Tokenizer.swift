import Corpus
import Foundation
import Runs
import Tokenization

extension Run {
    /// Finds or trains the tokenizer that runs of a configuration use, for runs that are to share it.
    ///
    /// - Parameters:
    ///   - folder: receives `tokenizer.json`, unless it is there already.
    ///   - warn: told what was skipped of the text.
    /// - Returns: its vocabulary size.
    @discardableResult
    public static func prepareTokenizer(
        _ configuration: RunConfiguration, folder: String, progress: ProgressLine, warn: (String) -> Void
    ) throws -> Int {
        guard !configuration.corpus.sources.isEmpty else { throw PretrainingError.noSources }
        let directory = RunDirectory(path: folder)
        // One that is damaged is an error rather than replaced: trials that are finished were trained with it.
        if FileManager.default.fileExists(atPath: directory.tokenizer) {
            return try Tokenizer(contentsOf: directory.tokenizer).vocabularySize
        }
        let tokenizer = try RunTokenizer.open(
            configuration, directory: directory, checkpoint: nil, isNew: true,
            listing: try CorpusListing(configuration.corpus),
            progress: progress,
            report: { event in
                if case .warning(let text) = event { warn(text) }
            })
        return tokenizer.vocabularySize
    }
}
