/// Small numbers of a run that a checkpoint keeps beside tensors and the loader's state.
public struct RunState: Codable, Sendable, Equatable {
    /// Batches used so far; also the number of the last update unless steps were skipped.
    public var step = 0
    /// Tokens seen in training.
    public var tokens = 0
    /// Updates left out because a gradient was not finite.
    public var skippedSteps = 0

    public init() {}
}
