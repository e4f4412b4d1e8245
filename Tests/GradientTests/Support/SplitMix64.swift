import Foundation

/// A tiny deterministic generator (Steele, Lea & Flood 2014), so that a failing test fails again.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    mutating func uniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// Standard normal, by Box and Muller.
    mutating func normal() -> Double {
        (-2 * log(1 - uniform())).squareRoot() * cos(2 * Double.pi * uniform())
    }

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
