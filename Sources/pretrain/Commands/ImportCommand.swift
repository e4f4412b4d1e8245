import ArgumentParser
import Encoder
import Foundation
import Interchange
import Pretraining
import Runs

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Makes a checkpoint of a Hugging Face folder, to go on from released weights.",
        discussion: """
            The folder may hold an ELECTRA, a BERT, a RoBERTa (XLM-R, CamemBERT) or a DeBERTa-v2/v3, with any head, or what \
            export wrote; its weights may be model.safetensors or pytorch_model.bin, in one file or several. Nothing in the \
            files is executed. Every tensor is told: taken, made anew (and how), or left (and why).

            The result is a folder like a run's, with a checkpoint of step 0: finetune, suite, evaluate --corpus, detect and \
            export take it as they take any other. A new run goes on from it, or straight from the folder, with --from:

              pretrain import electra-small-discriminator --generator electra-small-generator --output electra
              pretrain run mine.yaml --from electra
              pretrain import bert-base-uncased --output bert
              pretrain finetune bert --train train.jsonl --output tuned

            Without a folder for it there is no generator, and a run that needs one makes it anew.
            """)

    @Argument(
        help: "The folder of the model, which becomes the main encoder; or one with discriminator and generator in it.",
        completion: .directory)
    var folder: String
    @Option(help: "The folder of the generator.", completion: .directory)
    var generator: String?
    @Option(help: "A tokenizer.json to take in place of the folder's.", completion: .file(extensions: ["json"]))
    var tokenizer: String?
    @Option(help: "Folder to create, like a run's.", completion: .directory)
    var output: String
    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp(
            "Change a setting that the weights leave open; repeatable: --set objective.name=electra.",
            valueName: "key=value"))
    var settings: [String] = []
    @Flag(help: "List every tensor by itself; --json always does.")
    var tensors = false
    @OptionGroup var report: ReportOptions

    func validate() throws {
        if output.isEmpty { throw ValidationError("--output is empty; name a folder") }
    }

    func run() throws {
        let phase = PhaseProgress(
            "reading weights", on: ProgressLine(quiet: report.json || !Terminal.standardErrorIsTerminal))
        let model = try ImportedWeights(folder, generator: generator, tokenizer: tokenizer, settings: settings) {
            phase.update(fraction: $0)
        }
        phase.finish()
        let path = try model.write(to: output)
        let result = Report(
            output: output, checkpoint: path, origin: model.origin, parameters: model.layout.parameterCount,
            vocabularySize: model.tokenizer.tokenizer.vocabularySize,
            objective: model.configuration.objective.name.rawValue,
            trainsTokenTypes: model.trainsTokenTypes, tensors: model.report)
        try report.show(result) { ImportText.text(model.report, each: tensors) + "\n" + result.summary }
    }

    private struct Report: Encodable {
        var output: String
        var checkpoint: String
        /// The folders and digests of their weights.
        var origin: String
        var parameters: Int
        var vocabularySize: Int
        /// What the checkpoint can be evaluated on.
        var objective: String
        var trainsTokenTypes: Bool
        var tensors: ImportReport

        var summary: String {
            """
            \(checkpoint): \(tensors.taken.count) tensors taken, \(tensors.made.count) made anew, \(tensors.left.count) left; \
            \(parameters) parameters, \(vocabularySize) tokens
            """
        }
    }
}
