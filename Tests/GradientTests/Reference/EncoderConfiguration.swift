extension Reference {
    enum Positions {
        /// A learned table of this many rows.
        case learned(maximum: Int)
        case rotary(base: Double)
    }

    enum NormKind { case layerNorm, rmsNorm }

    /// Which layers are Post-LN.
    enum NormPlacement {
        case post, pre
        /// Layers with index below `alpha` times the depth are Post-LN, the others Pre-LN (arXiv 2412.13795).
        case mix(alpha: Double)

        func isPost(layer: Int, of depth: Int) -> Bool {
            switch self {
            case .post: true
            case .pre: false
            case .mix(let alpha): Double(layer) < alpha * Double(depth)
            }
        }
    }

    struct EncoderConfiguration {
        var vocabularySize: Int
        var embeddingSize: Int
        var hiddenSize: Int
        var feedForwardSize: Int
        var layers: Int
        var heads: Int
        var positions = Positions.learned(maximum: 512)
        var placement = NormPlacement.post
        var norm = NormKind.layerNorm
        var normEpsilon = 1e-12
        /// Multiplies the attention scores; `1/√(H / heads)` unless given.
        var attentionScale: Double?

        func makeNorm(_ name: String, width: Int, _ parameters: Parameters) throws -> any Layer {
            switch norm {
            case .layerNorm: try LayerNorm(name, width: width, epsilon: normEpsilon, parameters)
            case .rmsNorm: try RMSNorm(name, width: width, epsilon: normEpsilon, parameters)
            }
        }
    }

    /// The dropout masks of one forward pass; no mask is no dropout.
    struct EncoderDropout {
        struct OfLayer {
            var attentionProbabilities: AttentionDropoutMask?
            var attentionOutput: DropoutMask?
            var feedForwardOutput: DropoutMask?
        }

        /// `[n, E]`, after the norm of the embeddings.
        var embeddings: DropoutMask?
        /// Layers beyond the end have none.
        var layers: [OfLayer] = []

        static var none: EncoderDropout { EncoderDropout() }

        func layer(_ index: Int) -> OfLayer { index < layers.count ? layers[index] : OfLayer() }
    }
}
