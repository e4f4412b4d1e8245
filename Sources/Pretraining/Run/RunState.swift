/// Small numbers of a run that a checkpoint keeps beside tensors and the loader's state.
public struct RunState: Codable, Sendable, Equatable {
    /// Batches used so far; also the number of the last update unless steps were skipped.
    public var step = 0
    /// Tokens seen in training.
    public var tokens = 0
    /// Updates left out because a gradient was not finite.
    public var skippedSteps = 0
    /// Whether token type 1 has been trained, in this run or in one that it goes on from; nil: no.
    public var trainsTokenTypes: Bool?

    public init() {}
}
