import Configuration
import Kernels

/// Where the layers of a network normalize.
public enum NormalizationPlacement: String, CaseIterable, Sendable {
    /// `x = N(x + F(x))`: BERT, ELECTRA.
    case post
    /// `x = x + F(N(x))`, with a norm after the last layer.
    case pre
    /// Mix-LN (Li et al. 2024, arXiv 2412.13795): the first ⌊alpha · layers⌋ are Post-LN, the rest Pre-LN.
    case mix
    /// Peri-LN (Kim et al. 2025, arXiv 2502.02732): `x = x + N(F(N(x)))`, with a norm after the last layer.
    case peri
    /// LayerNorm Scaling (Sun et al. 2025, arXiv 2502.05795): Pre-LN with the norms of layer l, counted from 1, multiplied
    /// by 1/√l.
    case scaled
}

/// Where one layer normalizes.
public enum LayerNormalization: Sendable, Equatable {
    case post
    /// - Parameter scale: of the norm's output.
    case pre(scale: Double)
    case peri
    /// No norm at all, `x = x + F(x)`: the first attention of ModernBERT.
    case bare
}

public struct NormalizationConfiguration: Configurable, Equatable {
    public var placement = NormalizationPlacement.post
    public var kind = NormKind.layerNorm
    public var alpha = 0.25
    public var beforeFirstAttention = true
    public var epsilon = 1e-12

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.choice(
            "placement", &placement,
            "Where layers normalize: post, pre, mix (Mix-LN), peri (Peri-LN: before and after each branch), scaled "
                + "(LayerNorm Scaling: pre, times 1/sqrt(layer)).")
        try fields.choice("kind", &kind, "layer_norm, or rms_norm, which has neither mean nor bias.")
        try fields.number(
            "alpha", &alpha, 0...1,
            "Share of Post-LN layers, from the first, under mix; rounded down to whole layers: 0.25 of 2 layers is none."
        )
        try fields.flag(
            "before_first_attention", &beforeFirstAttention,
            "pre: whether the first layer's attention has a norm before it; ModernBERT has none, after that of the embeddings."
        )
        try fields.number("epsilon", &epsilon, 1e-15...0.1, "Added to the variance.")
    }

    public var uses: [SettingUse] {
        [
            SettingUse(
                "alpha", isRead: placement == .mix,
                otherwise: "is for placement mix; placement is \(placement.rawValue)")
        ]
    }

    public func validate() throws {
        if !beforeFirstAttention, placement != .pre {
            throw InvalidSetting(
                "before_first_attention", "false is for placement: pre; placement is \(placement.rawValue)")
        }
    }

    /// How attention of layer `index` of `layerCount` normalizes; its feed-forward follows `form`.
    public func attentionForm(layer index: Int, of layerCount: Int) -> LayerNormalization {
        index == 0 && !beforeFirstAttention ? .bare : form(layer: index, of: layerCount)
    }

    /// How layer `index` of `layerCount` normalizes; all that a layer knows of the scheme.
    public func form(layer index: Int, of layerCount: Int) -> LayerNormalization {
        switch placement {
        case .post: .post
        case .pre: .pre(scale: 1)
        // 0.29 · 100 is 28.999999999999996, and means 29 layers.
        case .mix: index < Int(alpha * Double(layerCount) + 1e-9) ? .post : .pre(scale: 1)
        case .peri: .peri
        case .scaled: .pre(scale: 1 / Double(index + 1).squareRoot())
        }
    }

    /// Whether the last layer leaves its output unnormalized, so that a norm must follow.
    ///
    /// - Parameter used: layers up to it; nil: all.
    public func needsFinalNorm(layerCount: Int, used: Int? = nil) -> Bool {
        form(layer: (used ?? layerCount) - 1, of: layerCount) != .post
    }
}
