import Analysis
import ArgumentParser
import Checkpoints
import Corpus
import Engine
import Files
import Formatting
import Foundation
import Pretraining
import Runs

struct AnalyzeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "analyze",
        abstract: "Shows what each layer of trained models does.",
        discussion: """
            For every layer of generator and discriminator: the norm of its gradient, the angular distance between its \
            input and output (arccos(cos)/π, mean over tokens), the change of the loss when the layer is removed, and \
            the size of its input. Without --corpus: on the documents that each run held out.

              pretrain analyze checkpoints/demo
              pretrain analyze checkpoints/demo --output analysis        charts, report.md, analysis.json
              pretrain analyze runs/post runs/pre runs/mix --corpus held-out.txt --output comparison \\
                --label Post-LN --label Pre-LN --label Mix-LN           several models in one chart

            Removing one layer at a time costs as many evaluations as the model has layers; --tokens sets how long each \
            takes.
            """)

    @Argument(help: "Checkpoints, or run directories, which stand for their newest ones.", completion: .directory)
    var checkpoints: [String]
    @Option(
        name: [.customLong("corpus"), .customLong("input")],
        help: "Measure on all documents of this file, folder or glob instead.", completion: .file())
    var corpus: String?
    @Option(help: "Tokens to measure on, at most.")
    var tokens = 16_384
    @Option(help: "Folder for the charts, report.md and analysis.json.", completion: .directory)
    var output: String?
    @Option(
        name: .customLong("label"), parsing: .singleValue,
        help: "Name of a model in the report; one for each checkpoint, in order. Default: names of the paths.")
    var labels: [String] = []
    @OptionGroup var reading: ReadingOptions
    @OptionGroup var threading: ThreadOptions
    @OptionGroup var report: ReportOptions

    func validate() throws {
        if checkpoints.isEmpty || checkpoints.contains("") { throw ValidationError("name at least one checkpoint") }
        if tokens < HeldOutReader.smallestBudget {
            throw ValidationError("--tokens must be at least \(HeldOutReader.smallestBudget): a token, [CLS] and [SEP]")
        }
        if !labels.isEmpty, labels.count != checkpoints.count {
            throw ValidationError("\(labels.count) labels for \(checkpoints.count) checkpoints: give one for each")
        }
    }

    func run() throws {
        let names = labels.isEmpty ? Self.names(checkpoints) : labels
        let output = try self.output.map { try AnalysisReport.folder($0) }
        let line = ProgressLine(quiet: report.json)
        var models: [ModelAnalysis] = []
        for (index, path) in checkpoints.enumerated() {
            let model = try LoadedModel(path: path, threads: threading.count)
            let batches = try heldOut(model)
            let progress = PhaseProgress("analyzing \(Terminal.escaped(names[index]))", on: line)
            let step = try TrainingCheckpoint.state(model.reader).step
            models.append(
                try LayerAnalyzer(batches: batches).analyze(model.engine, label: names[index], step: step) {
                    progress.update(fraction: (Double(index) + $0) / Double(checkpoints.count))
                })
        }
        line.clear()
        let result = AnalysisReport(models)
        if let output { try result.write(to: output) }
        try report.show(result) { text(result) }
    }

    private func heldOut(_ model: LoadedModel) throws -> [TokenBatch] {
        var configuration = model.configuration
        configuration.corpus = try reading.resolve(corpus, of: configuration.corpus)
        configuration.evaluation.tokens = tokens
        let evaluator = try Evaluator(configuration, of: model, selection: corpus == nil ? .heldOut : .all)
        SkippedText.note(evaluator.corpusReport.entries)
        return evaluator.batches
    }

    /// The shortest ends of the paths that tell them apart.
    static func names(_ paths: [String]) -> [String] {
        let parts = paths.map { $0.split(separator: "/").map(String.init) }
        for length in 1...max(1, parts.map(\.count).max() ?? 1) {
            let names = parts.map { $0.suffix(length).joined(separator: "/") }
            if Set(names).count == names.count { return names }
        }
        return paths.enumerated().map { "\($1) (\($0 + 1))" }
    }

    private func text(_ result: AnalysisReport) -> String {
        var blocks = result.models.flatMap { model in
            model.networks.map { network in
                let table = TextTable(
                    header: AnalysisReport.columns, rightAligned: Set(0..<AnalysisReport.columns.count),
                    rows: AnalysisReport.rows(network))
                let loss = String(format: "%.4f", network.loss)
                return "\(Terminal.escaped(model.label)), \(network.network) (\(model.placement)): loss \(loss) on "
                    + "\(CountFormat.grouped(model.tokens)) tokens\n\(table.text)"
            }
        }
        if let output { blocks.append("charts and tables: \(Terminal.escaped(output))/report.md") }
        return blocks.joined(separator: "\n\n")
    }
}
