import ArgumentParser
import Configuration
import FineTuning
import Foundation
import Pretraining
import Runs

struct FinetuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "finetune",
        abstract: "Trains a pretrained encoder on labelled texts.",
        discussion: """
            Files hold one text each line or row: .jsonl with text and label (and text_pair), or .tsv and .csv with a header. \
            Labels are classes, or with --set kind=number numbers, with kind=labels any number of labels, with kind=tokens labels of words (words and labels, or text and spans), with kind=span \
            answers in a context (question, context and answers), with kind=choice one of several endings (context, choices and \
            label). With kind=contrastive texts get vectors that tell how alike they are, from pairs that belong together \
            (text, text_pair and maybe negative), or from single texts, also a .txt with one a line. The best epoch on the validation texts is kept; without \
            a file for them a tenth of the training texts is set aside.

            With several seeds the head, the order of the texts and dropout differ; mean and deviation are told. \
            --from-scratch takes the same shape with weights by chance, to see what pretraining is worth.

            Parts can be left out or left alone: --layers for the lower layers only, and among the settings \
            training.frozen_layers, gradient_dropping, encoder_vector and adapter_size.

            The folder of --output receives seed-0/, seed-1/ …: run directories with metrics.jsonl, tensorboard/, checkpoints/ and best/. \
            The same command goes on with an interrupted one.

              pretrain finetune checkpoints/mine --train train.jsonl --validation dev.jsonl --output tuned
              pretrain finetune checkpoints/mine --task task.yaml --seeds 5 --set training.epochs=10 --output tuned
              pretrain finetune checkpoints/mine --train train.jsonl --layers auto --output fewer
              pretrain finetune checkpoints/mine --train pairs.tsv --test test.tsv --from-scratch --output scratch
              pretrain finetune checkpoints/mine --set kind=contrastive --train texts.txt --validation sts.tsv --output near
            """)

    @Argument(
        help: "A checkpoint of pretraining, or a run directory, which stands for its newest one.",
        completion: .directory)
    var checkpoint: String
    @Option(help: "A YAML file with the task's settings, and training for how it is learned.", completion: .file())
    var task: String?
    @Option(help: "Labelled texts to train on.", completion: .file())
    var train: String?
    @Option(help: "Labelled texts to choose the best epoch by.", completion: .file())
    var validation: String?
    @Option(help: "Labelled texts to report on at the end.", completion: .file())
    var test: String?
    @Option(
        help: "Folder of the runs. Default: finetuned/NAME, after the task's file, the training texts or their folder.",
        completion: .directory)
    var output: String?
    @Option(help: "Runs, with seeds training.seed, the next, ….")
    var seeds = 1
    @Flag(help: "Take the checkpoint's shape and tokenizer, and weights by chance.")
    var fromScratch = false
    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp(
            "Change one setting; repeatable: --set training.peak_learning_rate=1e-4. pretrain config keys --finetuning lists them.",
            valueName: "key=value"))
    var settings: [String] = []
    @Option(
        help: ArgumentHelp(
            "Layers of the encoder to use: a number, or auto for those up to where the classes stand apart best already.",
            valueName: "number|auto"))
    var layers: String?
    @OptionGroup var threading: ThreadOptions
    @Flag(help: "Show nothing but warnings and errors.")
    var quiet = false
    @OptionGroup var report: ReportOptions

    func validate() throws {
        if output?.isEmpty == true { throw ValidationError("--output is empty; name a directory") }
        if task == nil, train == nil { throw ValidationError("name labelled texts: --train FILE, or --task FILE") }
        if let layers, layers != "auto", Int(layers) == nil {
            throw ValidationError("--layers must be a number or auto")
        }
        if layers == "auto", fromScratch {
            throw ValidationError("--layers auto looks at pretrained weights, which --from-scratch does not take")
        }
        if layers != nil, settings.contains(where: { $0.hasPrefix("training.layers=") }) {
            throw ValidationError("--layers and --set training.layers say the same; give one")
        }
        if !(1...1000).contains(seeds) { throw ValidationError("--seeds must be from 1 to 1000") }
    }

    func run() throws {
        var configuration = try FineTuningConfiguration(
            taskFile: task, train: train, validation: validation, test: test,
            settings: settings + (layers.flatMap { Int($0) }.map { ["training.layers=\($0)"] } ?? []))
        let output = output ?? Self.folder(task: task, train: configuration.task.train)
        TerminationSignals.install()
        signal(SIGPIPE, SIG_IGN)
        var choice: LayerChoice?
        if layers == "auto" {
            // The candidates are all there are, whatever a task's file says.
            configuration.training.layers = nil
            let found = try LayerChoice(configuration, pretrained: checkpoint, threads: threading.count)
            if !quiet { Terminal.note(found.text) }
            configuration.training.layers = found.layers
            choice = found
        }
        var last = configuration
        last.training.seed += seeds - 1
        try ConfigurationReader.check(last, origin: "the last of --seeds")
        var results: [FineTuningRun.Result] = []
        for index in 0..<seeds {
            var configuration = configuration
            configuration.training.seed += index
            let seed = configuration.training.seed
            let run = FineTuningRun(
                configuration, pretrained: checkpoint, isFromScratch: fromScratch, output: "\(output)/seed-\(seed)",
                threads: threading.count, progress: ProgressLine(quiet: quiet)
            ) { event in
                switch event {
                case .note(let text): if !quiet { Terminal.note(text) }
                case .warning(let text): Terminal.note("warning: \(text)")
                case .alarm(let alarm): Terminal.note("alarm: \(alarm.message)")
                case .checkpoint: break
                case .evaluation(let evaluation):
                    if !quiet {
                        Terminal.note(
                            "epoch \(evaluation.epoch)  \(Self.text(evaluation.validation))"
                                + (evaluation.isBest ? "  the best so far" : ""))
                    }
                }
            }
            let (result, signal) = try run.start()
            guard let result else {
                Terminal.note("stopped by \(signal ?? "a signal"); the same command goes on from there")
                throw ExitCode(ExitStatus.stoppedBySignal)
            }
            results.append(result)
        }
        let metric =
            results.first.map { configuration.task.decidingMetric(of: $0.validation) }
            ?? configuration.task.decidingMetric
        let tested = results.first?.reported(configuration.task) ?? metric
        let summary = Summary(
            output: output, metric: metric.rawValue, testMetric: tested == metric ? nil : tested.rawValue,
            layerChoice: choice, runs: results,
            validation: SeedSpread(results.compactMap { $0.validation[metric] }),
            test: SeedSpread(results.compactMap { $0.test?[tested] }))
        try report.show(summary) { summary.text }
    }

    /// Where runs are that nobody has named a folder for.
    private static func folder(task: String?, train: String) -> String {
        func stem(_ path: String) -> String {
            String((path as NSString).lastPathComponent.prefix { $0 != "." })
        }
        let names = [task, train].compactMap(\.self).flatMap { path in
            [stem(path), stem((path as NSString).deletingLastPathComponent)]
        }
        return "finetuned/" + (names.first { !["task", "train", "", "/"].contains($0) } ?? "task")
    }

    /// Scores on one line.
    private static func text(_ scores: TaskScores) -> String {
        ((scores.loss.map { [String(format: "loss %.4f", $0)] } ?? [])
            + TaskMetric.allCases.compactMap { metric in
                scores[metric].map { "\(metric.rawValue.replacing("_", with: " ")) \(String(format: "%.4f", $0))" }
            }).joined(separator: "  ")
    }

    private struct Summary: Encodable {
        var output: String
        var metric: String
        /// nil unless the test is told by another than validation is.
        var testMetric: String?
        /// nil unless layers were chosen.
        var layerChoice: LayerChoice?
        var runs: [FineTuningRun.Result]
        var validation: SeedSpread?
        var test: SeedSpread?

        var text: String {
            var lines = runs.map { run in
                "seed \(run.seed): \(FinetuneCommand.text(run.test ?? run.validation)) on \(run.test == nil ? "validation" : "test")"
            }
            func name(_ metric: String) -> String { metric.replacing("_", with: " ") }
            if let validation { lines.append("\(name(metric)) on validation: \(validation.text)") }
            if let test { lines.append("\(name(testMetric ?? metric)) on test: \(test.text)") }
            if runs.count > 1 { lines.append("±: deviation over \(runs.count) seeds") }
            lines.append("the models are in \(output)")
            return lines.joined(separator: "\n") + "\n"
        }
    }
}
