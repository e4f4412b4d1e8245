import ArgumentParser
import FineTuning
import Formatting
import Foundation
import Runs

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Labels texts with a fine-tuned model.",
        discussion: """
            Reads .jsonl, .tsv or .csv, plain or compressed, with the fields that the model was trained on, and writes a \
            JSON object for each text: its label or labels and their probabilities, its number, or the labels of its words or \
            the spans that they mark, or the answer to a question.

              pretrain predict tuned/seed-0 --input new.jsonl > labels.jsonl
            """)

    @Argument(help: "A run directory of finetune (its best epoch), or a checkpoint in it.", completion: .directory)
    var model: String
    @Option(help: "Texts.", completion: .file())
    var input: String
    @OptionGroup var threading: ThreadOptions
    @Flag(help: "Show nothing but warnings and errors.")
    var quiet = false

    func run() throws {
        let model = try FineTunedModel(path: model, threads: threading.count)
        let rows = try TaskTable.read(input, .init(model.configuration.task, needsLabel: false))
        let phase = PhaseProgress("labelling", on: ProgressLine(quiet: quiet))
        let (predictions, truncated) = try model.predict(rows) { done in
            phase.update(fraction: Double(done) / Double(rows.count)) {
                "\(CountFormat.grouped(done)) of \(CountFormat.grouped(rows.count)) texts"
            }
        }
        if !quiet { phase.finish("\(CountFormat.grouped(rows.count)) texts") }
        if truncated > 0 {
            Terminal.note("\(truncated) of \(rows.count) texts were cut to the length that the model was trained with")
        }
        let encoder = ReportOptions.encoder
        for prediction in predictions {
            try OutputBuffer.print(String(decoding: try encoder.encode(prediction), as: UTF8.self))
        }
    }
}
