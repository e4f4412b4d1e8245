import ArgumentParser
import Corpus
import Files
import Foundation
import Pretraining
import Runs
import Tokenization

/// `pretrain tokenizer train`.
struct TokenizerTrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains a byte-level BPE on text files and writes a Hugging Face tokenizer.json.",
        discussion: """
            The result depends on the text alone (of more than two million different words the rarest are left out, which is \
            told). It is written in one step, over an existing file too. Text with fewer \
            distinct pairs than the vocabulary asks for gives a smaller vocabulary, and a note says so.
            """)

    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp(
            "Files, folders or globs of text or JSON lines, plain or compressed, as under corpus.sources.",
            valueName: "path"))
    var input: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Ids to reach, of which \(BPETrainer.minimumVocabularySize) are special tokens and byte symbols.",
            valueName: "n"))
    var vocabularySize: Int

    @Option(name: .long, help: ArgumentHelp("Where to write tokenizer.json.", valueName: "file"))
    var output: String

    @Option(name: .long, help: ArgumentHelp("Never merge pairs that occur less often than this.", valueName: "n"))
    var minFrequency = 0

    @Option(
        help: ArgumentHelp(
            """
            What tokens do not reach across: gpt2, llama3 (as cl100k), or llama3_marks, which keeps combining marks with \
            their letters.
            """))
    var pattern = TokenizerConfiguration().pattern

    @Option(help: ArgumentHelp("Most digits of a token, 1 to 9; for llama3 and llama3_marks.", valueName: "n"))
    var digits: Int?

    @Flag(help: "Compose characters and their marks first (NFC).")
    var composed = false

    @Flag(help: "Make the text lower case first.")
    var lowercase = false

    @Option(help: ArgumentHelp("Merged tokens stay shorter than this, in bytes; 3 or more.", valueName: "n"))
    var maxTokenLength: Int?

    @OptionGroup var reading: ReadingOptions
    @OptionGroup var report: ReportOptions

    /// Share of the time that counting words takes, about.
    private static let countingShare = 0.5

    struct Report: Encodable {
        var output: String
        var vocabularySize: Int
        var requestedVocabularySize: Int
        var files: Int
        var bytes: Int
        var seconds: Double
        var skipped: [CorpusReport.Entry]
        /// How often words occur that were left out of the counts.
        var droppedWords: UInt64
    }

    func validate() throws {
        guard vocabularySize >= BPETrainer.minimumVocabularySize else {
            throw ValidationError(
                "--vocabulary-size must be at least \(BPETrainer.minimumVocabularySize): "
                    + "the special tokens and the 256 byte symbols alone take that many ids.")
        }
        guard vocabularySize <= BPETrainer.maximumVocabularySize else {
            throw ValidationError("--vocabulary-size must be at most \(BPETrainer.maximumVocabularySize).")
        }
        if input.isEmpty && !reading.namesSources {
            throw ValidationError("name the text: --input PATH, or --set 'corpus.sources=[{path: PATH}]'")
        }
        if let digits {
            guard pattern != .gpt2 else {
                throw ValidationError(
                    "--digits is for --pattern llama3 or llama3_marks; gpt2 takes all digits together.")
            }
            guard (1...9).contains(digits) else { throw ValidationError("--digits must be from 1 to 9.") }
        }
        guard maxTokenLength ?? 3 >= 3 else { throw ValidationError("--max-token-length must be 3 at least.") }
        guard minFrequency >= 0 else { throw ValidationError("--min-frequency must not be negative.") }
    }

    private var options: TokenizerTrainingOptions {
        var options = TokenizerTrainingOptions()
        options.pattern = pattern
        options.digits = digits ?? options.digits
        options.isComposed = composed
        options.isLowercased = lowercase
        options.maximumTokenLength = maxTokenLength
        return options
    }

    func run() async throws {
        let start = ContinuousClock.now
        let file = try OutputFile(checking: output)
        var everything = CorpusConfiguration()
        everything.heldOut = 0
        everything.test = 0
        let corpus = try reading.resolve(input, base: everything)
        let listing = try CorpusListing(corpus)
        let trainer = try BPETrainer(
            vocabularySize: vocabularySize, minimumFrequency: minFrequency, options: options)
        let phase = PhaseProgress("training the tokenizer", on: ProgressLine())
        let total = Double(max(listing.bytes, 1))
        // Everything, in whatever order.
        let sample = try CorpusSampler(listing: listing, seed: 0).sampleDocuments(limitBytes: 1 << 60) { document in
            trainer.feed(document)
            phase.update(fraction: min(Self.countingShare, Self.countingShare * Double(trainer.bytesFed) / total))
        }
        let tokenizer = trainer.train { _, share in
            phase.update(fraction: Self.countingShare + (1 - Self.countingShare) * share)
        }
        phase.finish()
        if let dropped = trainer.droppedWordsNote { Terminal.note("warning: \(dropped)") }
        var skipped = listing.report
        skipped.add(sample.report)
        SkippedText.note(skipped.entries)
        try file.write(tokenizer.serialized())
        if tokenizer.vocabularySize < vocabularySize {
            Terminal.note(
                "note: the text gave \(tokenizer.vocabularySize) of \(vocabularySize) ids; use more text for more")
        }
        let elapsed = start.duration(to: .now) / .seconds(1)
        let result = Report(
            output: output, vocabularySize: tokenizer.vocabularySize, requestedVocabularySize: vocabularySize,
            files: listing.fileCount, bytes: trainer.bytesFed, seconds: elapsed, skipped: skipped.entries,
            droppedWords: trainer.droppedWords)
        try report.show(result) {
            "\(output): \(result.vocabularySize) ids from \(result.bytes) bytes in \(listing.fileCount) files, "
                + String(format: "%.1f s", elapsed)
        }
    }
}

extension TokenizerTrainingOptions.Pattern: ExpressibleByArgument {}
