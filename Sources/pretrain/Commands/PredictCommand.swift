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
        try model.check(rows, of: input)
        let progress = ProgressLine(quiet: quiet)
        let phase = PhaseProgress("labelling", on: progress)
        var summary = PredictionSummary(
            labels: model.namedLabels,
            givesSpans: model.configuration.task.kind == .tokens && rows.allSatisfy { $0.words == nil },
            model: model.path, input: input, output: output)
        var unknown = UnknownTokens(model.tokenizer)
        /// Predictions are put out as they come: of many classes each is large.
        func label(_ put: (UnsafeRawBufferPointer) throws -> Void) throws {
            for (start, part) in rows.parts() {
                let found = try model.predict(part, of: input) { done in
                    let done = start + done
                    phase.update(fraction: Double(done) / Double(rows.count)) {
                        "\(CountFormat.grouped(done)) of \(CountFormat.grouped(rows.count)) texts"
                    }
                }
                summary.add(found.predictions, cut: found.truncated)
                unknown.add(count: found.unknown)
                var lines = Data()
                for prediction in found.predictions {
                    lines += try ReportOptions.encoder.encode(prediction)
                    lines.append(0x0A)
                }
                try lines.withUnsafeBytes { try put($0) }
            }
        }
        if let file {
            try file.writeInParts(label)
        } else if report.json {
            try label { _ in }
        } else {
            let standardOutput = OutputBuffer()
            try label { bytes in
                try progress.interrupt {
                    try standardOutput.write(bytes: Array(bytes))
                    try standardOutput.flush()
                }
            }
        }
        if !quiet { phase.finish("\(CountFormat.grouped(rows.count)) texts") }
        if summary.truncated > 0 {
            Terminal.note(
                "\(summary.truncated) of \(rows.count) texts were cut to the length that the model was trained with")
        }
        unknown.tell()
        if file != nil || report.json { try report.show(summary) { summary.text } }
    }
}
