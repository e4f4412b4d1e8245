import ArgumentParser
import Corpus
import Engine
import Foundation
import Pretraining
import Runs

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Evaluates a checkpoint on held-out text.",
        discussion: """
            Without --corpus: on the documents that the run held out, as during training. Losses are in nats; compare \
            generator_loss with unigram_loss, that of a generator that knows only how frequent tokens are (and sees those that masking \
            leaves as they are).

            The better a model's generator, the harder its discriminator's task: to compare models, let one generator \
            replace tokens for all of them with --corruption-from.

              pretrain evaluate checkpoints/mine
              pretrain evaluate checkpoints/mine --split test
              pretrain evaluate checkpoints/metro --corruption-from checkpoints/electra --json

            --minimal-pairs judges pairs of sentences instead, of which the first should be likelier (sentence_good, \
            sentence_bad, as in BLiMP): by the generator or masked language model, each token masked in turn, by the \
            detector's belief that all tokens are original, and by an encoder that corrects tokens, from the probabilities \
            that it gives each to be right. Chance is one half.

              pretrain evaluate checkpoints/mine --minimal-pairs blimp/data
            """)

    @Argument(help: "A checkpoint, or a run directory, which stands for its newest one.", completion: .directory)
    var checkpoint: String
    @Option(help: "Evaluate on all documents of this file, folder or glob instead.", completion: .file())
    var corpus: String?
    @Option(help: "held_out, or test: the run's corpus.test, by which nothing was chosen.")
    var split = EvaluatedSplit.heldOut
    @Option(help: "Tokens to evaluate on, at most. Default: evaluation.tokens of the run.")
    var tokens: Int?
    @Option(
        help: ArgumentHelp(
            "Mask and replace tokens as this model does instead of the evaluated one, and hide all that is to be predicted; both "
                + "need the same tokenizer.",
            valueName: "checkpoint"),
        completion: .directory)
    var corruptionFrom: String?
    @Option(
        help: ArgumentHelp(
            "Judge minimal pairs: a .jsonl file or a folder of them, with sentence_good and sentence_bad.",
            valueName: "path"), completion: .file())
    var minimalPairs: String?
    @OptionGroup var reading: ReadingOptions
    @OptionGroup var threading: ThreadOptions
    @OptionGroup var report: ReportOptions

    func validate() throws {
        if minimalPairs != nil, corpus != nil || corruptionFrom != nil || tokens != nil || split != .heldOut {
            throw ValidationError(
                "--minimal-pairs has text of its own; leave --corpus, --split, --tokens and --corruption-from out")
        }
        if minimalPairs != nil, reading.isUsed {
            throw ValidationError("--minimal-pairs reads sentence_good and sentence_bad; leave options for texts out")
        }
        if corpus != nil, split == .test {
            throw ValidationError("--split test is of the run's own corpus; leave out --corpus or --split")
        }
        if let tokens, tokens < HeldOutReader.smallestBudget {
            throw ValidationError("--tokens must be at least \(HeldOutReader.smallestBudget): a token, [CLS] and [SEP]")
        }
    }

    func run() throws {
        if let minimalPairs { return try judge(minimalPairs) }
        let corruptor = try corruptionFrom.map {
            try LoadedModel(path: $0, threads: threading.count, masksForOthers: true)
        }
        let model = try LoadedModel(path: checkpoint, threads: threading.count, maskedBy: corruptor)
        // Before the text is read: a run that goes on may remove the checkpoint meanwhile.
        let step = try TrainingCheckpoint.state(model.reader).step
        let evaluator = try Evaluator(
            model, corruptor: corruptor, corpusPath: corpus, split: split, reading: reading, tokens: tokens)
        if corpus != nil {
            let special = model.engine.special.neverMasked
            let text = model.tokenizer.decode(evaluator.batches.first?.tokens.filter { !special.contains($0) } ?? [])
            if let note = UnicodeFormNote.note(text, model.tokenizer) { Terminal.note("note: \(note)") }
        }
        if let corruptor, corruptor.tokenizer.serialized() != model.tokenizer.serialized() {
            throw CorruptionError.otherTokenizer(path: corruptor.path, evaluated: model.path)
        }
        if let corruptor, !corruptor.configuration.objective.name.readsReplacements {
            throw CorruptionError.noReplacements(path: corruptor.path)
        }
        let length = model.configuration.corpus.sequenceLength
        if let corruptor, corruptor.configuration.corpus.sequenceLength < length {
            throw CorruptionError.shorter(
                path: corruptor.path, length: corruptor.configuration.corpus.sequenceLength, evaluated: length)
        }
        var result = try evaluator.evaluate(
            model.engine, step: step, corruptor: corruptor?.engine)
        result.corruptionFrom = corruptor?.path
        result.skipped = evaluator.corpusReport.entries
        SkippedText.note(evaluator.corpusReport.entries)
        try report.show(result, isStyled: true) {
            EvaluationText.summary(
                result, colours: Terminal.outputColours,
                columns: Terminal.standardOutputIsTerminal ? Terminal.outputColumns : nil)
        }
    }
}

extension EvaluateCommand {
    private func judge(_ path: String) throws {
        let pairs = try MinimalPairs(path: path)
        let model = try LoadedModel(path: checkpoint, threads: threading.count)
        let phase = PhaseProgress("judging pairs", on: ProgressLine(quiet: report.json))
        guard let result = try pairs.evaluate(model.engine, model.tokenizer, progress: { phase.update(fraction: $0) })
        else {
            throw UnsuitableInput("this model neither predicts masked tokens nor detects: it cannot judge sentences")
        }
        if !report.json { phase.finish() }
        var unknown = UnknownTokens(model.tokenizer)
        unknown.add(count: result.unknownTokens)
        unknown.tell()
        try report.show(result) {
            func percent(_ share: Double?) -> String { share.map { String(format: "%.1f %%", 100 * $0) } ?? "–" }
            let rows = (result.files + [result.mean]).map {
                [$0.file, "\($0.pairs)", percent($0.language), percent($0.detection), percent($0.correction)]
            }
            return TextTable(
                header: ["file", "pairs", "language model", "detector", "corrector"], rightAligned: [1, 2, 3, 4],
                rows: rows
            ).text + "\n"
        }
    }
}

extension Evaluator {
    /// - Parameter corpusPath: text to use as a whole; nil for what the run held out.
    fileprivate init(
        _ model: LoadedModel, corruptor: LoadedModel?, corpusPath: String?, split: EvaluatedSplit,
        reading: ReadingOptions, tokens: Int?
    ) throws {
        var configuration = model.configuration
        configuration.corpus = try reading.resolve(corpusPath, of: configuration.corpus)
        if let tokens { configuration.evaluation.tokens = tokens }
        let share = split == .test ? configuration.corpus.test : configuration.corpus.heldOut
        if corpusPath == nil, share == 0 {
            throw UnsuitableInput(
                "\(model.path): its run kept no text for that (corpus.\(split.rawValue) is 0); name some with --corpus")
        }
        try self.init(
            configuration, of: model, selection: corpusPath != nil ? .all : split == .test ? .test : .heldOut,
            maskedBy: corruptor)
    }
}

/// Which part of its corpus a run is evaluated on.
enum EvaluatedSplit: String, CaseIterable, ExpressibleByArgument {
    case heldOut = "held_out"
    case test
}

/// Why a model's replacements cannot be shown to another.
private enum CorruptionError: Error, CustomStringConvertible {
    case otherTokenizer(path: String, evaluated: String)
    case noReplacements(path: String)
    case shorter(path: String, length: Int, evaluated: Int)

    var description: String {
        switch self {
        case .otherTokenizer(let path, let evaluated):
            "--corruption-from \(path): has another tokenizer than \(evaluated); compare models that were trained with one "
                + "tokenizer.json (tokenizer.path)"
        case .noReplacements(let path):
            "--corruption-from \(path): is a masked language model, which replaces no tokens; name a run with a generator"
        case .shorter(let path, let length, let evaluated):
            "--corruption-from \(path): reads sequences of \(length) tokens, and the evaluated model's have \(evaluated); name a run "
                + "whose sequences are as long"
        }
    }
}
