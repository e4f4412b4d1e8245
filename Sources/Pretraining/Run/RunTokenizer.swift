import Configuration
import Corpus
import Files
import Formatting
import Foundation
import Runs
import Tokenization

/// Finds a run's tokenizer: in the checkpoint, at the configured path, in the run directory, or trains it on a sample of
/// the corpus.
enum RunTokenizer {
    /// - Parameters:
    ///   - checkpoint: the tokenizer of the run's checkpoint, or of the weights that it starts from.
    ///   - isNew: whether it is that of weights.
    static func open(
        _ configuration: RunConfiguration, directory: RunDirectory, checkpoint: Data?, isNew: Bool,
        listing: CorpusListing,
        progress: ProgressLine, report: (PretrainingEvent) -> Void
    ) throws -> Tokenizer {
        let tokenizer = try find(
            configuration, directory: directory, checkpoint: checkpoint, isNew: isNew, listing: listing,
            progress: progress, report: report)
        if tokenizer.droppedByteValues > 0 {
            report(
                .warning(
                    "the tokenizer has no token for \(tokenizer.droppedByteValues) of the bytes that text is made of, and none that "
                        + "stands for what it does not know: text with them is left out, and not counted; train it with the whole "
                        + "alphabet (initial_alphabet of tokenizers' trainer), or with pretrain tokenizer train"))
        }
        return tokenizer
    }

    private static func find(
        _ configuration: RunConfiguration, directory: RunDirectory, checkpoint: Data?, isNew: Bool,
        listing: CorpusListing,
        progress: ProgressLine, report: (PretrainingEvent) -> Void
    ) throws -> Tokenizer {
        if let checkpoint {
            let tokenizer = try Tokenizer(json: Array(checkpoint))
            // The file may have moved or gone, since the checkpoint has it; another one would be ignored without a word.
            if let path = configuration.tokenizer.path,
                FileManager.default.fileExists(atPath: HomeFolder.expanded(path)),
                try Tokenizer(contentsOf: path).serialized() != tokenizer.serialized()
            {
                throw isNew
                    ? PretrainingError.tokenizerOfWeights(path: path) : PretrainingError.tokenizerChanged(path: path)
            }
            try directory.write(checkpoint, to: directory.tokenizer)
            return tokenizer
        }
        let tokenizer: Tokenizer
        if let path = configuration.tokenizer.path {
            tokenizer = try Tokenizer(contentsOf: path)
        } else {
            tokenizer = try train(configuration, listing: listing, progress: progress, report: report)
            report(
                .note(
                    "trained a vocabulary of \(CountFormat.grouped(tokenizer.vocabularySize)) entries"
                        + (tokenizer.vocabularySize < configuration.tokenizer.vocabularySize
                            ? "; the sample has no more pairs that occur \(configuration.tokenizer.minimumFrequency) times"
                            : "")))
        }
        try directory.write(Data(tokenizer.serialized()), to: directory.tokenizer)
        return tokenizer
    }

    private static func train(
        _ configuration: RunConfiguration, listing: CorpusListing, progress: ProgressLine,
        report: (PretrainingEvent) -> Void
    ) throws -> Tokenizer {
        let trainer = try BPETrainer(
            vocabularySize: configuration.tokenizer.vocabularySize,
            minimumFrequency: configuration.tokenizer.minimumFrequency,
            options: configuration.tokenizer.trainingOptions)
        let phase = PhaseProgress("training the tokenizer", on: progress)
        defer { phase.finish() }
        let limit = configuration.tokenizer.sampleBytes
        var read = 0
        let expected = min(Int64(limit), listing.bytes)
        let sampler = CorpusSampler(listing: listing, seed: UInt64(configuration.training.seed))
        let sample = try sampler.sampleDocuments(limitBytes: limit) { document in
            try TerminationSignals.check()
            trainer.feed(document)
            read += document.count
            phase.update(fraction: min(0.3, 0.3 * Double(read) / Double(max(expected, 1))))
        }
        let skipped = sample.report.entries.filter { !$0.kind.isRemark }
        if !skipped.isEmpty {
            progress.interrupt {
                report(
                    .warning(
                        "in the sample that the tokenizer is trained on: "
                            + skipped.map { "\($0)" }.joined(separator: "; ")))
            }
        }
        let tokenizer = try trainer.train { _, fraction in
            try TerminationSignals.check()
            phase.update(fraction: 0.3 + 0.7 * fraction)
        }
        if let dropped = trainer.droppedWordsNote { progress.interrupt { report(.warning(dropped)) } }
        return tokenizer
    }
}
