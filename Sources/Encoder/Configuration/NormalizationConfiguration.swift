import Configuration

/// Where a layer normalizes.
public enum NormalizationPlacement: String, CaseIterable, Sendable {
    /// `x = N(x + F(x))`: BERT, ELECTRA.
    case post
    /// `x = x + F(N(x))`, with a norm after the last layer.
    case pre
    /// Mix-LN (Li et al. 2024, arXiv 2412.13795): the first `alpha · layers` are Post-LN, the rest Pre-LN.
    case mix
}

public struct NormalizationConfiguration: Configurable, Equatable {
    public var placement = NormalizationPlacement.post
    public var alpha = 0.25
    public var epsilon = 1e-12

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.choice("placement", &placement, "Where layers normalize: post, pre, or mix (Mix-LN).")
        try fields.number("alpha", &alpha, 0...1, "Share of Post-LN layers, from the first, under mix.")
        try fields.number("epsilon", &epsilon, 1e-15...0.1, "Added to the variance.")
    }

    /// Whether layer `index` of `layerCount` is Post-LN; all that a layer knows of the scheme.
    public func isPost(layer index: Int, of layerCount: Int) -> Bool {
        switch placement {
        case .post: true
        case .pre: false
        // 0.55 · 20 is 11.000000000000002, and means 11 layers.
        case .mix: Double(index) + 1e-9 < alpha * Double(layerCount)
        }
    }

    /// Whether the last layer leaves its output unnormalized, so that a norm must follow.
    public func needsFinalNorm(layerCount: Int) -> Bool { !isPost(layer: layerCount - 1, of: layerCount) }
}
