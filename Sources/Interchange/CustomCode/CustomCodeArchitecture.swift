import Encoder
import Objectives

/// A class of `modeling_pretrain.py`.
enum CustomCodeArchitecture: String {
    /// Of a main encoder that has learned something else than detection.
    case encoder = "PretrainModel"
    case replacedTokenDetection = "PretrainForReplacedTokenDetection"
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

    init(_ network: NetworkKind, _ objective: ObjectiveConfiguration) {
        switch network {
        case .generator: self = .maskedLanguageModel
        case .discriminator: self = objective.name.detects ? .replacedTokenDetection : .encoder
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
