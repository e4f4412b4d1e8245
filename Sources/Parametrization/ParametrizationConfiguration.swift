import Configuration

/// muP base widths and the multipliers that transfer with them. Without base widths this is the standard
/// parametrization.
public struct ParametrizationConfiguration: Configurable, Equatable {
    /// Hidden size of the discriminator at which muP equals the standard parametrization.
    public var baseHiddenSize: Int?
    /// The same for the generator; by default it shrinks and grows with the discriminator's.
    public var generatorBaseHiddenSize: Int?
    /// Embedding size at which muP equals the standard parametrization.
    public var baseEmbeddingSize: Int?
    /// Layers of the discriminator at which CompleteP equals the standard parametrization.
    public var baseLayerCount: Int?
    /// The same for the generator; by default its depth changes with the discriminator's.
    public var generatorBaseLayerCount: Int?
    /// Head size at which attention scores are scaled by 1/√headSize.
    public var baseHeadSize: Int?
    /// The same for the generator; by default `baseHeadSize`, for either network's own heads where that is nil too.
    public var generatorBaseHeadSize: Int?
    /// Multiplies the learning rate of word, position and segment tables.
    public var embeddingLearningRateMultiplier = 1.0
    /// Multiplies the initial standard deviation of all matrices; tables have their own.
    public var initializationMultiplier = 1.0
    /// Multiplies the logits of both heads (α_out).
    public var outputMultiplier = 1.0
    /// Multiplies the attention scores (α_attn).
    public var attentionMultiplier = 1.0

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.integer(
            "base_hidden_size", &baseHiddenSize, 1...65536,
            "Hidden size at which muP equals the standard parametrization; null turns muP off.")
        try fields.integer(
            "generator_base_hidden_size", &generatorBaseHiddenSize, 1...65536,
            "The generator's base hidden size; null keeps its ratio to the discriminator's.")
        try fields.integer(
            "base_embedding_size", &baseEmbeddingSize, 1...65536,
            "Embedding size at which muP equals the standard parametrization; null: where embedding_size equals "
                + "hidden_size it grows with it from base_hidden_size, otherwise it is taken as fixed.")
        try fields.integer(
            "base_layer_count", &baseLayerCount, 1...1024,
            "Layers at which the rules for depth (CompleteP) change nothing; null turns them off. Pre-LN only.")
        try fields.integer(
            "generator_base_layer_count", &generatorBaseLayerCount, 1...1024,
            "The generator's base layer count; null keeps its ratio to the discriminator's.")
        try fields.integer(
            "base_head_size", &baseHeadSize, 1...4096,
            "Head size at which scores are scaled by 1/sqrt(head size); null: the model's own head size.")
        try fields.integer(
            "generator_base_head_size", &generatorBaseHeadSize, 1...4096,
            "The generator's base head size; null: base_head_size.")
        try fields.number(
            "embedding_learning_rate_multiplier", &embeddingLearningRateMultiplier, 0...1000,
            "Multiplies the learning rate of the embedding tables.")
        try fields.number(
            "initialization_multiplier", &initializationMultiplier, 0...1000,
            "Multiplies the initial standard deviation of all matrices; tables keep theirs.")
        try fields.number("output_multiplier", &outputMultiplier, 0...1000, "Multiplies the logits of both heads.")
        try fields.number(
            "attention_multiplier", &attentionMultiplier, 0...1000, "Multiplies the attention scores.")
    }

    public func validate() throws {
        if generatorBaseHiddenSize != nil, baseHiddenSize == nil {
            throw InvalidSetting(
                "generator_base_hidden_size", "needs base_hidden_size, without which muP is off: set both or neither")
        }
        if baseEmbeddingSize != nil, baseHiddenSize == nil {
            throw InvalidSetting(
                "base_embedding_size", "needs base_hidden_size, without which muP is off: set both or neither")
        }
        if generatorBaseLayerCount != nil, baseLayerCount == nil {
            throw InvalidSetting(
                "generator_base_layer_count", "needs base_layer_count, without which depth has no rules")
        }
    }

    /// The standard parametrization with the same multipliers.
    public var withoutBases: Self {
        var result = self
        result.baseHiddenSize = nil
        result.generatorBaseHiddenSize = nil
        result.baseEmbeddingSize = nil
        result.baseLayerCount = nil
        result.generatorBaseLayerCount = nil
        result.baseHeadSize = nil
        result.generatorBaseHeadSize = nil
        return result
    }

    /// Width of the discriminator relative to its base.
    public func discriminatorWidthRatio(hiddenSize: Int) -> Double {
        baseHiddenSize.map { Double(hiddenSize) / Double($0) } ?? 1
    }

    /// Width of the generator relative to its base.
    public func generatorWidthRatio(hiddenSize: Int, discriminatorHiddenSize: Int) -> Double {
        if let base = generatorBaseHiddenSize { return Double(hiddenSize) / Double(base) }
        return discriminatorWidthRatio(hiddenSize: discriminatorHiddenSize)
    }

    /// Width of the embedding tables relative to their base; 1 where their size does not grow with the model.
    public func embeddingWidthRatio(embeddingSize: Int, hiddenSize: Int) -> Double {
        if let base = baseEmbeddingSize { return Double(embeddingSize) / Double(base) }
        return embeddingSize == hiddenSize ? discriminatorWidthRatio(hiddenSize: hiddenSize) : 1
    }

    /// Depth of the discriminator relative to its base.
    public func discriminatorDepthRatio(layerCount: Int) -> Double {
        baseLayerCount.map { Double(layerCount) / Double($0) } ?? 1
    }

    /// Depth of the generator relative to its base.
    public func generatorDepthRatio(layerCount: Int, discriminatorLayerCount: Int) -> Double {
        if let base = generatorBaseLayerCount { return Double(layerCount) / Double(base) }
        return discriminatorDepthRatio(layerCount: discriminatorLayerCount)
    }

    /// Factor of the discriminator's attention scores: α/√d at the base head size, and falling with 1/d from there.
    public func attentionScale(headSize: Int) -> Double { attentionScale(headSize: headSize, base: baseHeadSize) }

    /// The same for the generator's heads.
    public func generatorAttentionScale(headSize: Int) -> Double {
        attentionScale(headSize: headSize, base: generatorBaseHeadSize ?? baseHeadSize)
    }

    private func attentionScale(headSize: Int, base: Int?) -> Double {
        let base = Double(base ?? headSize)
        return attentionMultiplier * base.squareRoot() / Double(headSize)
    }
}
