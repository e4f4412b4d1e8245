import Encoder
import Engine
import Objectives

/// A class of `modeling_pretrain.py`.
enum CustomCodeArchitecture: String {
    /// Of a main encoder that neither detects nor predicts tokens by itself.
    case encoder = "PretrainModel"
    case replacedTokenDetection = "PretrainForReplacedTokenDetection"
    /// Of a generator, or of a main encoder that predicts tokens.
    case maskedLanguageModel = "PretrainForMaskedLM"
    /// Of a main encoder that was fine-tuned.
    case sequenceClassification = "PretrainForSequenceClassification"
    case tokenClassification = "PretrainForTokenClassification"
    case questionAnswering = "PretrainForQuestionAnswering"
    case multipleChoice = "PretrainForMultipleChoice"

    init(_ head: ClassifierHead) {
        switch head {
        case .classes, .labels, .number: self = .sequenceClassification
        case .tokens: self = .tokenClassification
        case .span: self = .questionAnswering
        case .choice: self = .multipleChoice
        case .vectors: self = .encoder
        }
    }

    init(_ network: NetworkKind, of engine: TrainingEngine) {
        switch network {
        case .generator: self = .maskedLanguageModel
        case .discriminator where engine.configuration.objective.name.detects: self = .replacedTokenDetection
        case .discriminator: self = engine.exportsLanguageHead ? .maskedLanguageModel : .encoder
        }
    }

    /// Which class each of Hugging Face's Auto classes makes of the folder.
    var autoMap: [String: String] {
        var classes = [
            "AutoConfig": "PretrainConfig", "AutoModel": "PretrainModel",
            "AutoModelForMaskedLM": "PretrainForMaskedLM",
            "AutoModelForSequenceClassification": "PretrainForSequenceClassification",
            "AutoModelForTokenClassification": "PretrainForTokenClassification",
            "AutoModelForQuestionAnswering": "PretrainForQuestionAnswering",
            "AutoModelForMultipleChoice": "PretrainForMultipleChoice",
        ]
        if self == .replacedTokenDetection { classes["AutoModelForPreTraining"] = rawValue }
        return classes.mapValues { "modeling_pretrain." + $0 }
    }
}
