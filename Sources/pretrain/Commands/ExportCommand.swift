import ArgumentParser
import Configuration
import Engine
import FineTuning
import Foundation
import Interchange
import Pretraining

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Writes a checkpoint as folders that Hugging Face Transformers loads.",
        discussion: """
            discriminator/ (fine-tune this one) loads as ElectraForPreTraining, or, of a main encoder that predicts tokens and \
            does not detect, as ElectraForMaskedLM; generator/ as ElectraForMaskedLM; both with AutoTokenizer. Multipliers of \
            muP are folded into the weights, tables that are sums of two (disentangled) added up. Post-LN models with learned \
            positions have this form. A detection head other than the dense one does not: then discriminator/ holds the \
            encoder alone, an ElectraModel. Parameters that a class has no place for are named, here and in the card.

            Models with disentangled attention and Post-LN have Hugging Face's DeBERTa-v2 classes too (--form deberta): \
            discriminator/ is a DebertaV2Model, without the detection head, or a DebertaV2ForMaskedLM, and generator/ a \
            DebertaV2ForMaskedLM, unless it has a mask decoder, which these classes lack.

            Other models are written with the code of their classes, modeling_pretrain.py, which Transformers runs if \
            told to:

              AutoModel.from_pretrained("hf/discriminator", trust_remote_code=True)

            A fine-tuned model becomes one folder with its head, the names of its classes and its tokenizer, for \
            AutoModelForSequenceClassification: as ElectraForSequenceClassification where the encoder has ELECTRA's form and \
            the head reads [CLS], otherwise with code. One that gives vectors (kind: contrastive) becomes a folder that \
            SentenceTransformer loads too, with pooling and normalization.

            Every folder has a card, README.md, with the digests of the data, the recipe, the last evaluation of the run and, from \
            its report, scores on tasks that lie in its folder, cost and alarms; that of a fine-tuned model has the digests of \
            its files, the encoder it began as and its scores. The licence is yours to state (--license).

              pretrain export checkpoints/mine --output hf --license apache-2.0 --language en
              pretrain export tuned/seed-0 --output classifier
            """)

    @Argument(
        help: "A checkpoint, or a run directory, which stands for its newest one, or if fine-tuned for its best.",
        completion: .directory)
    var checkpoint: String
    @Option(help: "Folder to create.", completion: .directory)
    var output: String
    @Option(
        help: """
            electra, deberta: Hugging Face's own classes, or an error that says what they lack; custom-code: classes that \
            the folders bring along; automatic: electra where possible, otherwise custom-code.
            """)
    var form = HuggingFaceExport.Form.automatic
    @Option(help: "Number type of the weights: float32, or half the size in bfloat16 or float16, rounded to nearest.")
    var dtype = ExportedType.float32
    @Option(
        help: ArgumentHelp(
            "Licence of the model, for its card: an identifier as Hugging Face has them, such as apache-2.0, or other.",
            valueName: "id"))
    var license: String?
    @Option(help: ArgumentHelp("Where the licence stands, for the card.", valueName: "url"))
    var licenseLink: String?
    @Option(
        help: ArgumentHelp("Language of the text, for the card, as an ISO code; repeatable.", valueName: "code"))
    var language: [String] = []
    @Flag(help: "Replace what an earlier export wrote there.")
    var force = false
    @OptionGroup var report: ReportOptions

    func validate() throws {
        // They become lines of YAML.
        for (name, value) in [("--license", license), ("--license-link", licenseLink)]
            + language.map({ ("--language", $0) })
        {
            guard let value else { continue }
            let isPlain = value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"\"'#{}[]&*!|>%@`".utf8.contains($0) }
            guard !value.isEmpty, isPlain, name == "--license-link" || !value.contains(":") else {
                throw ValidationError(
                    "\(name) \(value.debugDescription) is not an identifier; for example apache-2.0, or en")
            }
        }
    }

    private func settings(_ history: ModelHistory) -> ExportSettings {
        var history = history
        history.license = license
        history.licenseLink = licenseLink
        history.languages = language
        return ExportSettings(force: force, elementType: dtype.elementType, history: history)
    }

    func run() throws {
        if try FineTunedModel.isOne(at: checkpoint) { return try exportClassifier() }
        let model = try LoadedModel(path: checkpoint, threads: 1)
        let state = try TrainingCheckpoint.state(model.reader)
        var history = try ModelHistory(of: model.reader)
        for missing in history.addReport(ofCheckpoint: model.reader.path, step: state.step) {
            Terminal.note("warning: not in the card: \(missing)")
        }
        var settings = settings(history)
        settings.trainsTokenTypes = state.trainsTokenTypes(in: model.configuration)
        settings.trainedLength = try TrainingCheckpoint.trainedLength(model.reader)
        // Whoever says something of the model by option wants a card that says it.
        if license == nil, licenseLink == nil, language.isEmpty {
            settings.cards = try ImportedWeights.cards(of: model.reader)
        }
        let folders = try HuggingFaceExport.write(
            model.engine, tokenizer: model.tokenizer, to: output, form: form, settings)
        let hasGenerator = model.engine.configuration.objective.hasGenerator
        let leftOut = hasGenerator && folders.count == 1 ? "generator" : nil
        let omissions =
            (leftOut == nil ? "" : "The generator's mask decoder has no place in these classes; it is left out.\n")
            + folders.map(\.omission).joined()
        try report.show(Report(checkpoint: model.path, output: output, folders: folders, leftOut: leftOut)) {
            omissions
                + folders.map { "\(output)/\($0.name) (\($0.architecture))" }.joined(separator: " and ")
                + (folders.count == 1 ? " holds " : " hold ") + model.path
        }
    }

    private func exportClassifier() throws {
        let model = try FineTunedModel(path: checkpoint, threads: 1)
        let architecture = try ClassifierExport.write(
            model.classifier(), to: output, form: form, settings(try model.history))
        let folder = HuggingFaceExport.Folder(name: ".", architecture: architecture)
        try report.show(Report(checkpoint: model.path, output: output, folders: [folder])) {
            "\(output) (\(architecture)) holds \(model.path)"
        }
    }

    private struct Report: Encodable {
        var checkpoint: String
        var output: String
        var folders: [HuggingFaceExport.Folder]
        /// A network that the form has no place for.
        var leftOut: String?
    }
}

extension HuggingFaceExport.Form: ExpressibleByArgument {}

extension HuggingFaceExport.Folder {
    /// A line on what it does not hold of the checkpoint; empty where it holds all.
    fileprivate var omission: String {
        guard let leftOut else { return "" }
        return "\(architecture) has no place for \(leftOut.joined(separator: ", ")), left out.\n"
    }
}

/// Number types that weights are exported in.
enum ExportedType: String, CaseIterable, ExpressibleByArgument {
    case float32, bfloat16, float16

    var elementType: ElementType {
        switch self {
        case .float32: .float32
        case .bfloat16: .bfloat16
        case .float16: .float16
        }
    }
}

extension FineTunedModel {
    /// What its card tells.
    fileprivate var history: ModelHistory {
        get throws {
            var resolved = configuration
            resolved.training.pooling = configuration.pooling
            let keys = try ConfigurationDocumentation(of: resolved).keys
            let shown = [
                "kind", "training.epochs", "training.batch_size", "training.peak_learning_rate", "training.pooling",
                "training.seed",
            ]
            func text(_ score: Double?) -> String { score.map { String(format: "%.4g", $0) } ?? "none" }
            var metrics: [(name: String, value: String)] = [("\(metric) on validation texts", text(bestScore))]
            if let test = result?.test {
                let reported = result?.reported(configuration.task)
                metrics.append(
                    ("\(reported?.rawValue ?? metric) on test texts", text(reported.flatMap { test[$0] })))
            }
            var history = ModelHistory(
                startedFrom: origin?.encoder,
                sources: (origin?.files ?? []).map {
                    ModelHistory.Source(name: "\($0.name) (\($0.use))", files: 1, bytes: $0.bytes, sha256: $0.sha256)
                },
                recipe: shown.compactMap { key in keys.first { $0.path == key }.map { (key, $0.defaultValue) } }
                    + [("digest of the texts", String(digest, radix: 16)), ("program", "pretrain \(programVersion)")],
                metrics: metrics)
            if origin == nil {
                history.missing.append(
                    "What its encoder was, and the digests of its files: the version that trained it kept neither.")
            }
            return history
        }
    }

    /// As it is exported.
    ///
    /// - Throws: `ExportError` for adapters.
    fileprivate func classifier() throws -> Classifier {
        if configuration.training.adapterSize != nil {
            throw ExportError.adapters
        }
        // The vector is in the weights that it has moved.
        let tensors = parameters.filter { $0.name != "task.encoder_vector" }.map { tensor in
            var values = tensor.values
            // Whoever loads it gets numbers as they are.
            if let scale = numberScale, tensor.name.hasPrefix("task.output.") {
                let shift = tensor.name.hasSuffix(".bias") ? scale.mean : 0
                values = values.map { Float(Double($0) * scale.deviation + shift) }
            }
            return (tensor.name, TensorDictionary.Tensor(shape: tensor.shape, values: values))
        }
        let head: ClassifierHead =
            switch configuration.task.kind {
            case .classes: .classes
            case .number: .number
            case .labels: .labels
            case .tokens: .tokens
            case .span: .span
            case .choice: .choice
            case .contrastive: .vectors
            }
        let pooling: Classifier.Pooling =
            switch configuration.pooling {
            case .first: .first
            case .mean: .mean
            }
        // As it was trained, for those who train it further.
        var encoder = encoder
        if let dropout = configuration.training.dropout {
            (encoder.model.dropout, encoder.model.attentionDropout) = (dropout, dropout)
        }
        return Classifier(
            configuration: encoder.engine, parameters: TensorDictionary(Dictionary(uniqueKeysWithValues: tensors)),
            tokenizer: tokenizer, labels: labels, head: head, pooling: pooling,
            maximumLength: longestText, isSymmetric: configuration.task.symmetric,
            layerCount: configuration.training.layers,
            answers: Classifier.AnswerSearch(
                longest: configuration.task.longestAnswer, overlap: configuration.training.windowOverlap,
                mayDecline: mayDecline, threshold: configuration.task.noAnswerThreshold),
            readsWindows: configuration.task.kind == .tokens || configuration.training.longTexts == .stride)
    }
}
