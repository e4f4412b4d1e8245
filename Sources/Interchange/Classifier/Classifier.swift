import Engine
import Tokenization

/// An encoder under a head that gives each text a few numbers, as fine-tuning leaves it.
public struct Classifier: Sendable {
    /// What of a text's hidden states the head reads.
    public enum Pooling: String, Sendable {
        /// Those of the first token.
        case first
        /// The mean of all tokens.
        case mean
    }

    /// What its numbers are, as Hugging Face calls it.
    public enum ProblemType: String, Sendable {
        /// Logits of classes, of which one is right.
        case singleLabel = "single_label_classification"
        /// Logits of labels, of which any number are right.
        case multiLabel = "multi_label_classification"
        /// One number.
        case regression
    }

    /// Of the run that trained the encoder, which is its discriminator.
    public var configuration: EngineConfiguration
    /// Under the engine's names: `embeddings.`, `discriminator.`, and for the head `task.dense` and `task.output`.
    public var parameters: TensorDictionary
    public var tokenizer: ByteLevelBPE
    /// Names of the classes; empty where the output is a number.
    public var labels: [String]
    public var problemType: ProblemType
    public var pooling: Pooling
    /// Tokens of the longest text that it was trained with, [CLS] and [SEP] included.
    public var maximumLength: Int
    /// Whether pairs mean the same in both orders; told to whoever loads it, who has to take the mean.
    public var isSymmetric: Bool
    /// Layers of the encoder that it has, from the embeddings up.
    public var layerCount: Int

    public init(
        configuration: EngineConfiguration, parameters: TensorDictionary, tokenizer: ByteLevelBPE, labels: [String],
        problemType: ProblemType, pooling: Pooling, maximumLength: Int, isSymmetric: Bool = false,
        layerCount: Int? = nil
    ) {
        self.configuration = configuration
        self.parameters = parameters
        self.tokenizer = tokenizer
        self.labels = labels
        self.problemType = problemType
        self.pooling = pooling
        self.maximumLength = maximumLength
        self.isSymmetric = isSymmetric
        self.layerCount = layerCount ?? configuration.model.discriminatorShape.layerCount
    }

    var outputCount: Int { max(labels.count, 1) }

    /// What `config.json` says of the outputs. Without names there, Hugging Face would take two classes.
    var names: ClassifierNames {
        let names = labels.isEmpty ? ["LABEL_0"] : labels
        return ClassifierNames(
            id2label: Dictionary(uniqueKeysWithValues: names.enumerated().map { ("\($0)", $1) }),
            label2id: Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) }),
            problemType: problemType.rawValue)
    }
}

/// The outputs of a classifier in `config.json`.
struct ClassifierNames {
    var id2label: [String: String]
    var label2id: [String: Int]
    var problemType: String
}
