import Objectives

/// What one update came to.
public struct StepOutcome: Sendable {
    public var step: Int
    public var sums: LossSums
    /// The weighted total that was minimised.
    public var loss: Double
    public var learningRate: Double
    /// Global gradient norm before clipping.
    public var gradientNorm: Double
}
