/// What an exported head reads and says, by the class of Hugging Face's that it has the form of.
public enum ClassifierHead: String, Sendable, CaseIterable {
    /// Of a text: logits of classes, of which one is right; of labels, of which any number are; or one number.
    case classes, labels, number
    /// Of every token: logits of classes.
    case tokens
    /// Of every token: logits of being the first and the last of an answer.
    case span
    /// Of each of several texts: the logit of being the right one.
    case choice
    /// Of a text: its pooled states, without a head.
    case vectors

    /// Whether it reads single tokens, with a linear layer alone.
    var readsTokens: Bool { self == .tokens || self == .span }

    var problemType: String? {
        switch self {
        case .classes: "single_label_classification"
        case .labels: "multi_label_classification"
        case .number: "regression"
        case .tokens, .span, .choice, .vectors: nil
        }
    }

    /// The end of its classes' names, behind `Electra`, `Pretrain` and `AutoModel`.
    var classEnding: String {
        switch self {
        case .classes, .labels, .number: "ForSequenceClassification"
        case .tokens: "ForTokenClassification"
        case .span: "ForQuestionAnswering"
        case .choice: "ForMultipleChoice"
        case .vectors: "Model"
        }
    }

    /// What Hugging Face calls the task; nil where its hub has no name for it.
    var pipeline: String? {
        switch self {
        case .classes, .labels, .number: "text-classification"
        case .tokens: "token-classification"
        case .span: "question-answering"
        case .choice: nil
        case .vectors: "sentence-similarity"
        }
    }

    /// Names of the dense layer, where there is one, and of the output in ELECTRA's classes.
    var electraNames: (dense: String, output: String) {
        switch self {
        case .classes, .labels, .number: ("classifier.dense", "classifier.out_proj")
        case .tokens: ("", "classifier")
        case .span: ("", "qa_outputs")
        case .choice: ("sequence_summary.summary", "classifier")
        case .vectors: ("", "")
        }
    }

    /// The same in `modeling_pretrain.py`.
    var customCodeNames: (dense: String, output: String) {
        switch self {
        case .tokens, .span, .vectors: electraNames
        case .classes, .labels, .number, .choice: ("classifier.1", "classifier.4")
        }
    }
}
