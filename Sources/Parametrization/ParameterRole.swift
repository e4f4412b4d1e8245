/// What kind of tensor a parameter is to the maximal update parametrization (Yang et al. 2022, arXiv 2203.03466, table 8):
/// which of its dimensions grow with the width of the model.
public enum ParameterRole: String, Sendable, CaseIterable {
    /// One growing dimension, the output: embedding tables, and the projection from a fixed embedding size.
    case input
    /// Biases, norm gains: one growing dimension and no fan-in.
    case vector
    /// Two growing dimensions: attention and feed-forward weights, dense layers of heads.
    case hidden
    /// From a growing to a fixed dimension: the detection logit, the tied vocabulary output.
    case readout
}

/// How one parameter differs from the standard parametrization; all ones where width equals base width.
public struct ParameterScaling: Sendable, Equatable {
    /// Multiplies the standard deviation of the initial values.
    public var initialization = 1.0
    /// Multiplies the learning rate.
    public var learningRate = 1.0
    /// Multiplies the layer's output in the forward pass.
    public var multiplier = 1.0
    /// Multiplies the weight decay, so that learning rate × decay does not depend on width.
    public var weightDecay = 1.0

    /// AdamW's rules for a network `widthRatio` times as wide as its base.
    public init(_ role: ParameterRole, widthRatio: Double) {
        switch role {
        case .input, .vector: break
        case .hidden:
            initialization = 1 / widthRatio.squareRoot()
            learningRate = 1 / widthRatio
            weightDecay = widthRatio
        case .readout:
            multiplier = 1 / widthRatio
        }
    }
}
