import Encoder
import Kernels
import Objectives
import Optimization
import Parametrization

/// What one step depends on, beside weights, batch and step number: the networks, what they learn and how a batch is
/// carried through them.
public struct EngineConfiguration: Sendable {
    public var model: ModelConfiguration
    public var parametrization: ParametrizationConfiguration
    public var objective: ObjectiveConfiguration
    public var optimizer: OptimizerConfiguration
    /// Most tokens of a sequence.
    public var sequenceLength: Int
    /// Sequences that one update learns from.
    public var sequencesPerStep: Int
    /// Updates of the whole run: where the learning rate's schedule ends.
    public var totalSteps: Int
    /// Of all random numbers.
    public var seed: Int
    /// Groups of sequences whose gradients are summed by themselves; nil for a number that the batch decides.
    public var lanes: Int?
    /// Tokens that are carried through the networks at a time.
    public var chunkTokens: Int
    /// What the backward pass computes again instead of keeping it.
    public var recomputation: ActivationRecomputation
    /// Of the operands of linear layers' and the vocabulary's products.
    public var precision: ProductPrecision
    /// Of what lanes and ranks give one another.
    public var communication: CommunicationPrecision
    /// Which of several models that train by themselves between two exchanges; nil where there is one.
    public var replica: Replica?

    public init(
        model: ModelConfiguration, parametrization: ParametrizationConfiguration, objective: ObjectiveConfiguration,
        optimizer: OptimizerConfiguration, sequenceLength: Int, sequencesPerStep: Int, totalSteps: Int, seed: Int,
        lanes: Int?, chunkTokens: Int, recomputation: ActivationRecomputation,
        precision: ProductPrecision = .float32, communication: CommunicationPrecision = .float32
    ) {
        self.model = model
        self.parametrization = parametrization
        self.objective = objective
        self.optimizer = optimizer
        self.sequenceLength = sequenceLength
        self.sequencesPerStep = sequencesPerStep
        self.totalSteps = totalSteps
        self.seed = seed
        self.lanes = lanes
        self.chunkTokens = chunkTokens
        self.recomputation = recomputation
        self.precision = precision
        self.communication = communication
    }

    /// Whether sequences are longer than what a thread carries by itself, so that threads divide each.
    public var dividesSequences: Bool { sequenceLength > chunkTokens }

    /// Of batches that do not say how many they want.
    public static let mostDefaultLanes = 64

    /// Tokens for each of these lanes, which is what keeps a thread busy.
    public static let tokensPerDefaultLane = 2048

    /// The number of lanes: what was configured, or one for `tokensPerDefaultLane` and at least two. Never a function of the machine.
    public var laneCount: Int {
        let tokens = sequencesPerStep * sequenceLength
        if dividesSequences { return lanes ?? max(2, min(tokens / Self.tokensPerDefaultLane, 16)) }
        if let lanes { return min(lanes, sequencesPerStep) }
        return min(max(2, min(tokens / Self.tokensPerDefaultLane, Self.mostDefaultLanes)), sequencesPerStep)
    }
}
