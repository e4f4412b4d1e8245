extension Reference {
    enum Positions {
        /// A learned table of this many rows.
        case learned(maximum: Int)
        case rotary(base: Double)
        /// Only what a relative bias says.
        case none
    }

    enum NormKind { case layerNorm, rmsNorm }

    enum FeedForwardKind { case gelu, squaredReLU, geglu }

    /// Where one layer normalizes.
    enum NormForm { case post, pre, peri }

    /// Where the layers normalize.
    enum NormPlacement {
        case post, pre
        /// Before each branch and after it (arXiv 2502.02732).
        case peri
        /// Pre-LN with the norms of layer l, counted from 1, times 1/√l (arXiv 2502.05795).
        case scaled
        /// ⌊alpha · depth⌋ layers are Post-LN, the others Pre-LN (arXiv 2412.13795).
        case mix(alpha: Double)

        func isPost(layer: Int, of depth: Int) -> Bool {
            switch self {
            case .post: true
            case .pre, .peri, .scaled: false
            case .mix(let alpha): layer < Int((alpha * Double(depth)).rounded(.down))
            }
        }

        func form(layer: Int, of depth: Int) -> NormForm {
            if case .peri = self { return .peri }
            return isPost(layer: layer, of: depth) ? .post : .pre
        }

        /// Of the norm before a branch.
        func scale(layer: Int) -> Double {
            if case .scaled = self { return 1 / Double(layer + 1).squareRoot() }
            return 1
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
        /// Whether the first attention has the norm of its layer's form.
        var normalizesFirstAttention = true
        var norm = NormKind.layerNorm
        var feedForward = FeedForwardKind.gelu
        var hasBiases = true
        /// Of queries and keys, head by head.
        var normalizesQueriesAndKeys = false
        var relativeBias: RelativeBias.Form?
        /// Of disentangled attention.
        var relativePositions: RelativePositions.Form?
        /// Rows of the table of DeBERTa's mask decoder, if there is one: the last layer twice, with the states before it as
        /// keys and values, and as queries these plus absolute positions.
        var maskDecoderPositions: Int?
        var normEpsilon = 1e-12
        /// Multiplies the attention scores; `1/√(H / heads)` unless given.
        var attentionScale: Double?

        func makeNorm(_ name: String, width: Int, _ parameters: Parameters) throws -> any Layer {
            switch norm {
            case .layerNorm: try LayerNorm(name, width: width, epsilon: normEpsilon, hasBias: hasBiases, parameters)
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
            /// `[rows of the table, H]`.
            var relativePositions: DropoutMask?
        }

        /// `[n, E]`, after the norm of the embeddings.
        var embeddings: DropoutMask?
        /// Layers beyond the end have none.
        var layers: [OfLayer] = []

        static var none: EncoderDropout { EncoderDropout() }

        func layer(_ index: Int) -> OfLayer { index < layers.count ? layers[index] : OfLayer() }
    }
}
