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

/// A loss or gradient that is not a number or infinite. The update did not take place.
public struct NonFiniteError: Error, Equatable, CustomStringConvertible {
    public enum Place: Sendable, Equatable {
        case generatorLoss
        case discriminatorLoss
        case correctiveLoss
        case contrastiveLoss
        case gradient(tensor: String, index: Int)
        case gradientNorm
    }

    public var step: Int
    public var place: Place

    public var description: String {
        let what =
            switch place {
            case .generatorLoss: "the generator's loss"
            case .discriminatorLoss: "the discriminator's loss"
            case .correctiveLoss: "the loss of predicting tokens"
            case .contrastiveLoss: "the contrastive loss"
            case .gradient(let tensor, let index): "the gradient of \(tensor), element \(index),"
            case .gradientNorm: "the gradient norm"
            }
        return """
            \(what) is not finite at step \(step); the update was not made, and the last checkpoint is intact. \
            Lower optimizer.peak_learning_rate, lengthen optimizer.warmup_steps, or let rare spikes pass with \
            training.maximum_skipped_steps.
            """
    }
}
