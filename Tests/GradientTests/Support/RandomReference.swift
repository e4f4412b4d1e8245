import TestSupport

/// Random values of the reference.
extension SplitMix64 {
    /// A `[rows, columns]` matrix of standard normal values.
    mutating func matrix(_ rows: Int, _ columns: Int) -> Reference.Matrix {
        Reference.Matrix(rows: rows, columns: columns, values: (0..<rows * columns).map { _ in normal() })
    }

    /// A dropout mask over `[rows, columns]`.
    mutating func dropoutMask(_ rows: Int, _ columns: Int, probability: Double) -> Reference.DropoutMask {
        let kept = (0..<rows * columns).map { _ in uniform() >= probability }
        return Reference.DropoutMask(probability: probability) { kept[$0 * columns + $1] }
    }

    /// A dropout mask over the attention probabilities `[heads, tokens, tokens]`.
    mutating func attentionDropoutMask(
        heads: Int, tokens: Int, probability: Double
    ) -> Reference.AttentionDropoutMask {
        let kept = (0..<heads * tokens * tokens).map { _ in uniform() >= probability }
        return Reference.AttentionDropoutMask(probability: probability) { kept[($0 * tokens + $1) * tokens + $2] }
    }

    /// Masks for every place of an encoder that drops.
    mutating func encoderDropout(
        _ configuration: Reference.EncoderConfiguration, tokens: Int, probability: Double
    ) -> Reference.EncoderDropout {
        var dropout = Reference.EncoderDropout()
        dropout.embeddings = dropoutMask(tokens, configuration.embeddingSize, probability: probability)
        for _ in 0..<configuration.layers {
            dropout.layers.append(
                .init(
                    attentionProbabilities: attentionDropoutMask(
                        heads: configuration.heads, tokens: tokens, probability: probability),
                    attentionOutput: dropoutMask(tokens, configuration.hiddenSize, probability: probability),
                    feedForwardOutput: dropoutMask(tokens, configuration.hiddenSize, probability: probability)))
        }
        return dropout
    }
}
