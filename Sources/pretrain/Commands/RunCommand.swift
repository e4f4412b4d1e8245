import ArgumentParser
import Benchmarks
import Checkpoints
import Communication
import Corpus
import Engine
import Files
import Formatting
import Foundation
import Interchange
import Pretraining
import Runs

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Pretrains a model, or goes on where an interrupted run stopped.",
        discussion: """
            Without arguments it runs the embedded demo on corpora/sotu. The run directory (--output) receives \
            config.yaml, tokenizer.json, logs (metrics.jsonl, journal.jsonl, …), tensorboard/ and checkpoints/. Running \
            the same command again resumes from the newest good checkpoint, bit for bit; given only --output, with the \
            configuration found there.

            SIGTERM, SIGINT, SIGUSR1 and SIGHUP (unless ignored, as under nohup) break off the step under way, write a \
            checkpoint of the last finished one and end the run with status \(ExitStatus.stoppedBySignal); a second signal \
            ends it at once, but for SIGHUP, and the same one within a second.

              pretrain run
              pretrain run mine.yaml --output checkpoints/mine --set training.steps=20000
              pretrain run long.yaml --from checkpoints/short
              pretrain run mine.yaml --from electra-small-discriminator --from-generator electra-small-generator
              pretrain run --preset electra-small --set 'corpus.sources=[{path: corpora/mine/*.jsonl.zst}]'
            """,
        aliases: ["train"])

    @OptionGroup var options: ConfigurationOptions
    @Option(
        help: "Run directory. Default: checkpoints/NAME, after the configuration file or preset.",
        completion: .directory)
    var output: String?
    @Option(
        help: ArgumentHelp(
            "auto: from the newest good checkpoint, if there is one; never: anew, setting aside what is there; or a checkpoint.",
            valueName: "auto|never|checkpoint"))
    var resume = "auto"
    @Option(
        help: ArgumentHelp(
            "Start a new run with the weights and the tokenizer of a checkpoint, of a run's newest, or of a Hugging Face folder "
                + "(see import), whose shape it has unless the configuration says otherwise. Sequences may be longer "
                + "and attention another: positions are repeated, projections of global tokens start as the others, and the rotary "
                + "base grows with the length. A generator or a head that is not there is made anew.",
            valueName: "checkpoint|folder"),
        completion: .directory)
    var from: String?
    @Option(help: "--from a Hugging Face folder: the folder of its generator.", completion: .directory)
    var fromGenerator: String?
    @Flag(
        inversion: .prefixedNo,
        help: """
            --from: warm the learning rate up again, over optimizer.warmup_steps. The optimizer's moments start anew, and released \
            weights were trained down to a rate of 0. Without, the rate is at its peak from the first step on.
            """)
    var rewarm = true
    @Option(
        help: ArgumentHelp(
            "With --from: a tokenizer of its own for the new run (as tokenizer.path). The encoder stays; tokens that both "
                + "vocabularies have keep their rows, special ones by role, others get the mean of their pieces.",
            valueName: "tokenizer"),
        completion: .file())
    var tokenizer: String?
    @Option(
        help: ArgumentHelp(
            "What to do where the files are not those that the run began with: refuse, or accept them and go on with a new "
                + "pass over all of them, which checkpoints record.", valueName: "refuse|accept"))
    var corpusChanged = CorpusChange.refuse
    @Option(
        name: .customLong("log-to"), parsing: .singleValue,
        help: "What to log to beside metrics.jsonl and TensorBoard: csv, as metrics.csv and evaluations.csv.")
    var logs: [ExtraLog] = []
    @Option(
        help: ArgumentHelp(
            "Steps between TensorBoard's histograms of weights and gradients, a layer each. Default: none.",
            valueName: "steps"))
    var logHistograms: Int?
    @Option(
        help: ArgumentHelp(
            "Write what every thread, and every rank, did in one step: as a picture (.svg), or in Chrome's trace format for "
                + "viewers such as Perfetto (.json).",
            valueName: "file"),
        completion: .file())
    var timeline: String?
    @Option(help: "--timeline: which step it shows, counted from where this start goes on.")
    var timelineStep = 5
    @Option(
        help: ArgumentHelp(
            "Whether this process is one of several that carry the run together, by MPI. auto: if mpirun or srun has started several.",
            valueName: "auto|mpi|off"))
    var distributed = Distribution.auto
    @OptionGroup var threading: ThreadOptions
    @Flag(help: "Show nothing but warnings and errors.")
    var quiet = false
    @OptionGroup var report: ReportOptions

    func validate() throws {
        if output?.isEmpty == true { throw ValidationError("--output is empty; name a directory") }
        if from?.isEmpty == true { throw ValidationError("--from is empty; name a checkpoint or a run") }
        if timelineStep < 1 { throw ValidationError("--timeline-step must be at least 1") }
        if let timeline, TimelineRequest(path: timeline, step: timelineStep) == nil {
            throw ValidationError("--timeline \(timeline): end the name in .svg for a picture or in .json for a trace")
        }
        if let logHistograms, logHistograms < 1 { throw ValidationError("--log-histograms must be at least 1") }
        if from == nil, fromGenerator != nil { throw ValidationError("--from-generator needs --from") }
        if from == nil, !rewarm { throw ValidationError("--no-rewarm is for runs that start --from other weights") }
        if tokenizer != nil, from == nil {
            throw ValidationError(
                "--tokenizer is for a run with --from; otherwise set tokenizer.path in the configuration")
        }
        if resume.isEmpty { throw ValidationError("--resume is empty; write auto, never or a checkpoint") }
    }

    func run() throws {
        guard let ranks = try Ranks(distributed) else { return try run(nil, threads: threading.count) }
        try ranks.together { group in
            try run(group, threads: threading.threads ?? ranks.threads(of: threading.count))
        }
    }

    /// What the first rank decides for all: how many steps an hour has, and how many replicas there are.
    private func decided(
        _ requested: RunConfiguration, _ output: RunDirectory, _ resume: ResumeMode, _ ranks: RankGroup?, threads: Int
    ) throws -> (RunConfiguration, note: String?) {
        do {
            let (measured, length) = try RunLength.resolve(
                requested, output: output, resume: resume, threads: threads, ranks: ranks?.count ?? 1)
            let configuration = measured.withReplicas(ranks?.count ?? 1)
            try configuration.validate()
            return (configuration, length)
        } catch {
            // The others wait to hear what the run begins with.
            ranks?.raise(.failed(reason: "\(error)"))
            throw error
        }
    }

    /// - Parameter ranks: that carry the run together; the first of them reports.
    private func run(_ ranks: RankGroup?, threads: Int) throws {
        let leads = ranks?.leads ?? true
        let quiet = quiet || !leads
        let fallback = output.map { RunDirectory(path: $0).configuration }
            .flatMap {
                FileManager.default.fileExists(atPath: $0) && (resume != "never" || from == nil && options.namesNothing)
                    ? $0 : nil
            }
        if let output, fallback == nil, from == nil, options.namesNothing, !quiet {
            Terminal.note("no configuration or preset is named, and \(output) holds none: the demo's")
        }
        var transfer = try from.map { path in
            do { return try start(from: path) } catch  where resume != "never" {
                guard let output, (try? RunDirectory(path: output).checkpoints.latest()) != nil else { throw error }
                throw UnsuitableInput(
                    "--from: \(error)\nThe run in \(output) has begun and needs it no more: pretrain run --output "
                        + ShellWord.quoted(output))
            }
        }
        var (requested, name) = try options.resolve(fallback: fallback, base: transfer?.source) {
            if !quiet { Terminal.note($0) }
        }
        if !rewarm { requested.optimizer.warmupSteps = 0 }
        if let tokenizer {
            requested.tokenizer.path = tokenizer
            transfer?.replacesVocabulary = true
        }
        let (adapted, notes) = transfer?.adapted(requested) ?? (requested, [])
        if !quiet { for note in notes { Terminal.note(note) } }
        let directory = output ?? "checkpoints/\(name)"
        let mode: ResumeMode =
            switch resume {
            case "auto": .automatic
            case "never": .never
            default: .checkpoint(path: resume)
            }
        let (configuration, length) =
            leads ? try decided(adapted, RunDirectory(path: directory), mode, ranks, threads: threads) : (adapted, nil)
        if let length, !quiet { Terminal.note(length) }
        if let from { try OwnWeights.check(from, RunDirectory(path: directory), beginsAnew: mode == .never) }
        // Found out before the first step rather than after it.
        if leads, let timeline { _ = try OutputFile(checking: timeline) }
        TerminationSignals.install()
        // Training goes on when nobody reads its progress any more, as after `| head`.
        signal(SIGPIPE, SIG_IGN)
        var last: EvaluationReport?
        let run = Run(
            configuration, output: directory, resume: mode, threads: threads,
            progress: ProgressLine(quiet: quiet), transfer: transfer, acceptsChangedCorpus: corpusChanged == .accept,
            logging: RunLogging(histogramEvery: logHistograms ?? 0, writesCSV: logs.contains(.csv)),
            timeline: timeline.flatMap { TimelineRequest(path: $0, step: timelineStep) },
            ranks: ranks.map { RunRanks($0, written: adapted) }
        ) { event in
            switch event {
            case .note(let text): if !quiet { Terminal.note(text) }
            case .warning(let text):
                let place = leads ? "" : ranks.map { "rank \($0.rank) on \($0.hosts[$0.rank]): " } ?? ""
                Terminal.note("warning: \(place)\(text)")
            case .alarm(let alarm): Terminal.note("alarm: \(alarm.message)")
            case .checkpoint(_, let path): if !quiet { Terminal.note("checkpoint \(path)") }
            case .evaluation(let evaluation):
                last = evaluation
                if !quiet {
                    Terminal.note(
                        EvaluationText.summary(evaluation, colours: Terminal.colours, columns: Terminal.errorColumns),
                        isStyled: true)
                }
            }
        }
        defer { SkippedText.note(run.corpusReport.entries.filter { !quiet || !$0.kind.isRemark }) }
        let end = try run.start()
        if !leads {
            if case .stopped = end { throw ExitCode(ExitStatus.stoppedBySignal) }
            return
        }
        switch end {
        case .finished(let step):
            let name = configuration.objective.name
            let result = RunSummary(
                run, output: directory, step: step, evaluation: last, detects: name.detects || name.isGated)
            try report.show(result) { result.text }
        case .abandoned: break
        case .stopped(let signal, let step):
            let again = "pretrain run --output \(ShellWord.quoted(directory))"
            Terminal.note(
                step == 0
                    ? "stopped by \(signal) before the first step was finished; the same command begins anew"
                    : "stopped by \(signal) after step \(CountFormat.grouped(step)); \(DurationFormat.text(run.seconds)) of training "
                        + "so far. "
                        + (resume == "auto"
                            ? "The same command goes on from there, or\n  \(again)"
                            : "With --resume the same command would leave that behind; what goes on from there is\n  \(again)")
            )
            throw ExitCode(ExitStatus.stoppedBySignal)
        }
    }
}

extension RunCommand {
    /// The weights to start from: of a checkpoint, or of a Hugging Face folder.
    private func start(from path: String) throws -> WeightTransfer {
        let isFolder = ["config.json", "discriminator/config.json", "0_Transformer/config.json"].contains {
            FileManager.default.fileExists(atPath: "\(HomeFolder.expanded(path))/\($0)")
        }
        guard isFolder else {
            if fromGenerator != nil {
                throw ValidationError("--from-generator is for a Hugging Face folder; \(path) is none")
            }
            return try WeightTransfer(path: path)
        }
        let phase = PhaseProgress(
            "reading weights", on: ProgressLine(quiet: quiet || !Terminal.standardErrorIsTerminal))
        let model = try ImportedWeights(path, generator: fromGenerator) { phase.update(fraction: $0) }
        phase.finish()
        if !quiet {
            let report = model.report
            let left = Set(report.left.map(\.reason)).sorted()
            Terminal.note(
                "\(path): \(report.taken.count) tensors taken, \(report.made.count) made anew, \(report.left.count) left"
                    + (left.isEmpty ? "" : " (\(left.joined(separator: "; ")))") + "; pretrain import lists them")
        }
        return model.transfer
    }
}

/// Files of a run's figures that other programs read.
enum ExtraLog: String, ExpressibleByArgument, CaseIterable {
    case csv
}

/// What to do about files that are not those of the checkpoint.
enum CorpusChange: String, ExpressibleByArgument, CaseIterable {
    case refuse, accept
}

/// A run that would be resumed has weights of its own: those of `--from` would be ignored. One that begins anew in its place moves
/// them away.
private struct OwnWeights: Error, CustomStringConvertible {
    var directory: String
    var step: Int
    var from: String
    var beginsAnew: Bool

    static func check(_ from: String, _ run: RunDirectory, beginsAnew: Bool) throws {
        guard let newest = try run.checkpoints.latest(), CheckpointLocation.isOf(run: run.path, path: from) else {
            return
        }
        throw OwnWeights(directory: run.path, step: newest.step, from: from, beginsAnew: beginsAnew)
    }

    var description: String {
        """
        \(directory) is the run that --from \(from) names (step \(step)): it would be \
        \(beginsAnew ? "moved aside before its weights are read" : "resumed, and no new one begun"). Choose another --output for \
        the new run, or leave --from out\(beginsAnew ? "" : " to go on with the old one").
        """
    }
}
