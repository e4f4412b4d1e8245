import Engine
import Tokenization

/// An encoder under a head that gives each text or token a few numbers, or without one, as fine-tuning leaves it.
public struct Classifier: Sendable {
    /// What of a text's hidden states the head reads.
    public enum Pooling: String, Sendable {
        /// Those of the first token.
        case first
        /// The mean of all tokens.
        case mean
    }

    /// How the answer to a question is found among all parts of a context.
    public struct AnswerSearch: Sendable, Equatable {
        /// Most tokens of an answer.
        public var longest: Int
        /// Tokens that a window over a long context shares with the one before; nil: a quarter of a window.
        public var overlap: Int?
        /// Whether there may be none, and by how much likelier that has to be, as a difference of logits.
        public var mayDecline: Bool
        public var threshold: Double

        public init(longest: Int = 30, overlap: Int? = nil, mayDecline: Bool = true, threshold: Double = 0) {
            (self.longest, self.overlap) = (longest, overlap)
            (self.mayDecline, self.threshold) = (mayDecline, threshold)
        }
    }

    /// Of the run that trained the encoder, which is its discriminator.
    public var configuration: EngineConfiguration
    /// Under the engine's names: `embeddings.`, `discriminator.`, and for the head `task.dense` and `task.output`.
    public var parameters: TensorDictionary
    public var tokenizer: Tokenizer
    /// Names of the classes; empty where there are none.
    public var labels: [String]
    public var head: ClassifierHead
    /// Of heads that read texts as a whole, and of vectors.
    public var pooling: Pooling
    /// Tokens of the longest text that it was trained with, [CLS] and [SEP] included.
    public var maximumLength: Int
    /// Whether pairs mean the same in both orders; told to whoever loads it, who has to take the mean.
    public var isSymmetric: Bool
    /// Layers of the encoder that it has, from the embeddings up.
    public var layerCount: Int
    /// Of a head that finds answers; told to whoever loads it.
    public var answers: AnswerSearch
    /// Whether texts longer than this were read in windows when it was judged; told to whoever loads it.
    public var readsWindows: Bool

    public init(
        configuration: EngineConfiguration, parameters: TensorDictionary, tokenizer: Tokenizer, labels: [String],
        head: ClassifierHead, pooling: Pooling, maximumLength: Int, isSymmetric: Bool = false,
        layerCount: Int? = nil, answers: AnswerSearch = AnswerSearch(), readsWindows: Bool = false
    ) {
        self.readsWindows = readsWindows
        self.answers = answers
        self.configuration = configuration
        self.parameters = parameters
        self.tokenizer = tokenizer
        self.labels = labels
        self.head = head
        self.pooling = pooling
        self.maximumLength = maximumLength
        self.isSymmetric = isSymmetric
        self.layerCount = layerCount ?? configuration.model.discriminatorShape.layerCount
    }

    var outputCount: Int {
        switch head {
        case .classes, .labels, .tokens: labels.count
        case .number, .choice: 1
        case .span: 2
        case .vectors: 0
        }
    }

    /// What `config.json` says of the outputs, where their number is not the class's own. Without names there, Hugging Face
    /// would take two classes.
    var names: ClassifierNames? {
        if [.span, .choice, .vectors].contains(head) { return nil }
        let names = head == .number ? ["LABEL_0"] : labels
        return ClassifierNames(
            id2label: Dictionary(uniqueKeysWithValues: names.enumerated().map { ("\($0)", $1) }),
            label2id: Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) }),
            problemType: head.problemType)
    }
}

/// The outputs of a classifier in `config.json`.
struct ClassifierNames {
    var id2label: [String: String]
    var label2id: [String: Int]
    var problemType: String?
}
