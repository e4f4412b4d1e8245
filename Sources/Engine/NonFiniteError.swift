/// A number that is not finite where training needs one.
public struct NonFiniteError: Error, Equatable, CustomStringConvertible {
    public enum Place: Sendable, Equatable, CustomStringConvertible {
        case generatorLoss
        case discriminatorLoss
        case correctiveLoss
        case contrastiveLoss
        /// Of a task.
        case taskLoss
        case gradient(tensor: String, index: Int)
        case gradientNorm
        /// A weight: after a step whose loss and gradient still were finite, or before one.
        case weight(tensor: String, index: Int)
        /// What the optimizer keeps for a weight.
        case moment(of: String, tensor: String, index: Int)
        /// What an evaluation of finite weights came to.
        case evaluation(String)

        public var description: String {
            switch self {
            case .generatorLoss: "the generator's loss"
            case .taskLoss: "the task's loss"
            case .discriminatorLoss: "the discriminator's loss"
            case .correctiveLoss: "the loss of predicting tokens"
            case .contrastiveLoss: "the contrastive loss"
            case .gradient(let tensor, let index): "the gradient of \(tensor), element \(index),"
            case .gradientNorm: "the gradient norm"
            case .weight(let tensor, let index): "the weight \(tensor), element \(index),"
            case .moment(let name, let tensor, let index): "the optimizer's \(name) of \(tensor), element \(index),"
            case .evaluation(let figure): "the evaluation's \(figure)"
            }
        }
    }

    public var step: Int
    public var place: Place
    /// Whether a task was learned, whose settings have other names.
    public var isOfTask: Bool

    public init(step: Int, place: Place, isOfTask: Bool = false) {
        self.step = step
        self.place = place
        self.isOfTask = isOfTask
    }

    /// Whether another batch may do better: not where weights themselves are at fault.
    public var mayPass: Bool {
        if case .weight = place { false } else { true }
    }

    public var description: String {
        let advice =
            isOfTask
            ? "Lower training.peak_learning_rate, raise training.warmup_fraction"
            : "Lower optimizer.peak_learning_rate, lengthen optimizer.warmup_steps"
        let others =
            isOfTask
            ? "\(advice), or take another seed."
            : "\(advice), or let rare spikes pass with training.maximum_skipped_steps."
        return switch place {
        case .weight:
            """
            \(place) is not finite at step \(step): training has diverged. Such weights are neither evaluated nor saved. \
            \(advice), and go on from an earlier checkpoint.
            """
        case .moment:
            """
            \(place) is not finite at step \(step): training has diverged, or memory is at fault. Such a state is not saved. \
            \(advice), and go on from an earlier checkpoint.
            """
        case .evaluation:
            """
            \(place) is not finite at step \(step), though every weight is: training has diverged. \(advice), and go on from \
            an earlier checkpoint.
            """
        default:
            """
            \(place) is not finite at step \(step); the update was not made, and the last checkpoint is intact. \
            \(others)
            """
        }
    }
}
