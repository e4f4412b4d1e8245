import ArgumentParser
import Files
import FineTuning
import Formatting
import Foundation
import Runs

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Labels texts with a fine-tuned model.",
        discussion: """
            Reads .jsonl, .tsv or .csv, plain or .gz, .zst, .lz4, with the fields that the model was trained on, and writes a \
            JSON object for each text: its label or labels and their probabilities, its number, or the labels of its words or \
            the spans that they mark, or the answer to a question, with the probability of each.

            With --output these lines go to a file and a summary is shown: how many texts got which label, or what range \
            the numbers have. --json prints the summary as one object in place of the lines.

              pretrain predict tuned/seed-0 --input new.jsonl > labels.jsonl
              pretrain predict tuned/seed-0 --input new.csv.gz --text-field sentence --output labels.jsonl --json
            """)

    @Argument(help: "A run directory of finetune (its best epoch), or a checkpoint in it.", completion: .directory)
    var model: String
    @Option(help: "Texts.", completion: .file())
    var input: String
    @Option(help: "File for the predictions, instead of standard output.", completion: .file())
    var output: String?
    @Option(help: "Member or column that holds the text; without it the one of training.")
    var textField: String?
    @Option(help: "That of the second text of a pair.")
    var pairField: String?
    @Option(help: "kind: tokens: that of the words.")
    var wordsField: String?
    @Option(help: "kind: span: that of the question.")
    var questionField: String?
    @Option(help: "kind: span, choice: that of the context.")
    var contextField: String?
    @Option(help: "kind: choice: that of the list of choices.")
    var choicesField: String?
    @OptionGroup var threading: ThreadOptions
    @Flag(help: "Show nothing but warnings and errors.")
    var quiet = false
    @OptionGroup var report: ReportOptions

    func run() throws {
        let file = try output.map { try OutputFile(checking: $0) }
        let model = try FineTunedModel(path: model, threads: threading.count)
        var fields = TaskTable.Fields(model.configuration.task, needsLabel: false)
        let names = [
            ("text", textField), ("pair", pairField), ("words", wordsField), ("question", questionField),
            ("context", contextField), ("choices", choicesField),
        ]
        for case (let part, let field?) in names { try fields.rename(part, to: field) }
        let rows = try TaskTable.read(input, fields)
        let phase = PhaseProgress("labelling", on: ProgressLine(quiet: quiet))
        let (predictions, truncated, unknown) = try model.predict(rows, of: input) { done in
            phase.update(fraction: Double(done) / Double(rows.count)) {
                "\(CountFormat.grouped(done)) of \(CountFormat.grouped(rows.count)) texts"
            }
        }
        if !quiet { phase.finish("\(CountFormat.grouped(rows.count)) texts") }
        if truncated > 0 {
            Terminal.note("\(truncated) of \(rows.count) texts were cut to the length that the model was trained with")
        }
        let summary = PredictionSummary(
            predictions, labels: model.labels, model: model.path, input: input, output: output, truncated: truncated)
        var unknownTokens = UnknownTokens(model.tokenizer)
        unknownTokens.add(count: unknown)
        unknownTokens.tell()
        func line(_ prediction: FineTunedModel.Prediction) throws -> String {
            String(decoding: try ReportOptions.encoder.encode(prediction), as: UTF8.self)
        }
        if let file {
            try file.write(try predictions.map { try line($0) + "\n" }.joined())
        } else if !report.json {
            for prediction in predictions { try OutputBuffer.print(try line(prediction)) }
        }
        if file != nil || report.json { try report.show(summary) { summary.text } }
    }
}
