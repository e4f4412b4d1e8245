import Configuration
import Kernels

/// A task and how it is learned. The defaults are ELECTRA's for small models (Clark et al. 2020, arXiv 2003.10555, appendix
/// A.2; `finetune/` of the release).
public struct FineTuningConfiguration: Configurable, Equatable {
    public var task = TaskConfiguration()
    public var training = FineTuningSettings()

    public init() {}

    /// The task's settings stand at the top of its file.
    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try task.visit(&fields)
        try fields.group("training", &training, "How it is learned.")
    }

    /// What the head reads of texts as a whole.
    public var pooling: TaskPooling { training.pooling ?? (task.kind.definition.givesVectors ? .mean : .first) }

    public func validate() throws {
        try task.validate()
        try task.kind.definition.check(self)
        let ways = [
            ("gradient_dropping", training.gradientDropping > 0), ("encoder_vector", training.encoderVector != nil),
            ("adapter_size", training.adapterSize != nil),
        ].filter(\.1)
        if ways.count > 1 {
            throw InvalidSetting("training.\(ways[1].0)", "cannot be used together with training.\(ways[0].0)")
        }
        if let size = training.adapterSize, size % 8 != 0 {
            throw InvalidSetting(
                "training.adapter_size",
                "must be a multiple of 8; next to \(size) are \(max(8, size / 8 * 8)) and \(size / 8 * 8 + 8)")
        }
        if training.optimizer != .muon, training.muonLearningRate != FineTuningSettings().muonLearningRate {
            throw InvalidSetting("training.muon_learning_rate", "is only read with optimizer: muon")
        }
        if training.optimizer == .muon, training.encoderVector != nil {
            throw InvalidSetting(
                "training.optimizer", "muon moves matrices, and encoder_vector leaves it none; take adamw")
        }
        if training.adapterSize == nil, training.adapterCopies != FineTuningSettings().adapterCopies {
            throw InvalidSetting("training.adapter_copies", "is only read with adapter_size")
        }
        if training.adapterSize != nil, training.frozenLayers > 0 {
            throw InvalidSetting(
                "training.frozen_layers", "means nothing with adapters, which leave all layers as they are")
        }
        if task.kind != .classes, training.classWeights != .none {
            throw InvalidSetting("training.class_weights", "are for kind: classes")
        }
        if task.kind != .contrastive {
            if training.temperature != FineTuningSettings().temperature {
                throw InvalidSetting("training.temperature", "is for kind: contrastive")
            }
            if task.negativeField != nil { throw InvalidSetting("negative_field", "is for kind: contrastive") }
        }
    }
}

/// How classes count in the loss.
public enum ClassWeights: String, CaseIterable, Sendable {
    case none
    /// By the inverse of their frequency, as scikit-learn's `balanced`.
    case balanced
}

/// What moves the weights.
public enum TaskOptimizer: String, CaseIterable, Sendable {
    case adamW = "adamw"
    case muon
}

/// What becomes of texts that are longer than the model.
public enum LongTexts: String, CaseIterable, Sendable {
    /// They are cut.
    case truncate
    /// They are read in windows that overlap.
    case stride
}

public struct FineTuningSettings: Configurable, Equatable {
    public var epochs = 3
    public var patience: Int?
    public var batchSize = 32
    public var optimizer = TaskOptimizer.adamW
    public var peakLearningRate = 3e-4
    public var muonLearningRate = 2e-3
    public var layerDecay = 0.8
    public var headLearningRateFactor = 1.0
    public var layers: Int?
    public var embeddingLearningRateFactor: Double?
    public var frozenLayers = 0
    public var gradientDropping = 0.0
    public var encoderVector: Int?
    public var adapterSize: Int?
    public var adapterCopies = 4
    public var warmupFraction = 0.1
    public var weightDecay = 0.01
    public var clipNorm = 1.0
    public var pooling: TaskPooling?
    public var temperature = 0.05
    public var dropout: Double?
    public var classWeights = ClassWeights.none
    public var maximumLength: Int?
    public var longTexts = LongTexts.truncate
    public var windowOverlap: Int?
    public var chunkTokens = 1024
    public var precision = ProductPrecision.float32
    public var seed = 0

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.integer("epochs", &epochs, 1...1000, "Passes over the training texts; 10 for small sets.")
        try fields.integer(
            "patience", &patience, 1...1000,
            "Stop after so many epochs without a better score on the validation texts; null: never. Learning rates fall as if "
                + "all epochs came.")
        try fields.integer("batch_size", &batchSize, 1...65536, "Texts of a step.")
        try fields.number(
            "peak_learning_rate", &peakLearningRate, 0...10,
            "Learning rate of the head at the end of warmup; 1e-4 for base models.")
        try fields.choice(
            "optimizer", &optimizer,
            "adamw, or muon for the matrices of the encoder's layers (or of adapters), with a learning rate of their own."
        )
        try fields.number(
            "muon_learning_rate", &muonLearningRate, 0...10, "optimizer: muon: learning rate of these matrices.")
        try fields.number(
            "layer_decay", &layerDecay, 0.01...1,
            "Learning rates fall by this factor from layer to layer, from the head to the embeddings; 0.9 for large models."
        )
        try fields.number(
            "head_learning_rate_factor", &headLearningRateFactor, 0.01...1000, "Multiplies the head's learning rate.")
        try fields.number(
            "embedding_learning_rate_factor", &embeddingLearningRateFactor, 0...1000,
            "Multiplies the learning rate of the embedding tables, beside layer_decay. null: as in pretraining "
                + "(parametrization.embedding_learning_rate_multiplier).")
        try fields.integer(
            "layers", &layers, 1...4096,
            "Layers of the encoder that are used, from the embeddings up; those above are left out. null: all. finetune "
                + "--layers auto chooses.")
        try fields.integer(
            "frozen_layers", &frozenLayers, 0...4096,
            "Lower layers that stay as they were pretrained, and with them the embeddings and what all layers share; the "
                + "backward pass ends above them.")
        try fields.number(
            "gradient_dropping", &gradientDropping, 0...0.99,
            "Chance of each layer, in each step, that its gradient is left out (Layer-GradDrop, arXiv 2307.10098).")
        try fields.integer(
            "encoder_vector", &encoderVector, 1...100_000_000,
            "So many trained numbers move the whole encoder, by a fixed random projection (arXiv 1804.08838). null: each weight "
                + "moves by itself.")
        try fields.integer(
            "adapter_size", &adapterSize, 8...65536,
            "Width, a multiple of 8, of adapters behind the feed-forward layers, which are trained in place of the encoder (AdaMix, arXiv "
                + "2205.12410). null: none.")
        try fields.integer(
            "adapter_copies", &adapterCopies, 1...64,
            "Copies of each adapter's matrices, of which a step draws one; the model has their mean. One is a plain adapter, "
                + "passed once.")
        try fields.number("warmup_fraction", &warmupFraction, 0...1, "Share of the steps with a rising learning rate.")
        try fields.number("weight_decay", &weightDecay, 0...10, "Decoupled weight decay; norms and biases have none.")
        try fields.number("clip_norm", &clipNorm, 0...1e9, "Largest global gradient norm; 0 turns clipping off.")
        try fields.text(
            "pooling", optionalChoice: &pooling, "What the head reads, [CLS] or the mean of all tokens",
            otherwise: "mean for kind: contrastive, first for the others")
        try fields.number(
            "temperature", &temperature, 0.001...10, "kind: contrastive: what cosines are divided by (SimCSE's 0.05).")
        try fields.number(
            "dropout", &dropout, 0...0.9,
            "Of hidden states and attention; null: as in pretraining. kind: contrastive with single texts needs some.")
        try fields.choice(
            "class_weights", &classWeights, "none, or balanced: rare classes count as much as frequent ones.")
        try fields.integer(
            "maximum_length", &maximumLength, 3...1_048_576,
            "Tokens of a text, [CLS] and [SEP] included; what is longer is cut, and counted. null: the model's.")
        try fields.choice(
            "long_texts", &longTexts,
            "Texts longer than the model: truncate, or stride for windows over all of it. Only in training for kind: tokens, and "
                + "always stride for kind: span.")
        try fields.integer(
            "window_overlap", &windowOverlap, 0...1_048_576,
            "Tokens that a window over a long text shares with the one before; null: a quarter of its length.")
        try fields.integer(
            "chunk_tokens", &chunkTokens, 16...1_048_576, "Tokens that a thread carries at a time; memory follows.")
        try fields.choice(
            "precision", &precision,
            "Of what linear layers multiply: float32, or bfloat16, faster on processors that have instructions for it."
        )
        try fields.integer("seed", &seed, 0...Int(Int32.max), "Of the head, the order of texts and dropout.")
    }
}
