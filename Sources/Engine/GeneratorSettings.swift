import Encoder

extension EngineConfiguration {
    /// What changes a generator's numbers without changing its shapes: names of settings, and what they come to.
    ///
    /// - Parameter outputMultiplier: of its logits, by muP's bases.
    package func generatorSettings(outputMultiplier: Double) -> [(name: String, value: String)] {
        // Settings that are not in use are no difference.
        let attention = model.attention
        let distances =
            attention.disentangled ? ", \(attention.positionBuckets), \(attention.maximumRelativeDistance)" : ""
        let pattern =
            attention.pattern != .full
            ? "\(attention)"
            : "full, query_key_norm \(attention.queryKeyNorm), disentangled \(attention.disentangled)\(distances)"
        let shape = model.generatorShape
        return [
            ("model.positions", "\(model.positions)"),
            ("model.rotary_base", "\(model.rotaryBase)"),
            ("model.normalization", "\(model.normalization)"),
            ("model.feed_forward", "\(model.feedForward)"),
            ("model.biases", "\(model.biases)"),
            ("model.attention", pattern),
            ("model.relative_bias", "\(model.relativeBias)"),
            ("model.generator.tied_output", "\(model.generator.tiedOutput)"),
            ("model.generator.mask_decoder", "\(model.generator.maskDecoder)"),
            ("what multiplies its logits", "\(outputMultiplier)"),
            (
                "what multiplies its attention scores",
                "\(parametrization.generatorAttentionScale(headSize: shape.headSize))"
            ),
            ("the generator's heads", "\(shape.headCount)"),
            // Weights of fewer layers would be found among those of more.
            ("the generator's layers", "\(shape.layerCount)"),
        ]
    }
}
