import Checkpoints

/// How long a run is, and what happens along the way.
public struct RunPlan: Sendable, Equatable {
    /// Steps of the whole run.
    public var steps: Int
    /// How long steps take, against each other.
    public var sizes: StepSizes
    /// Steps between evaluations; 0: only after the last step.
    public var evaluateEvery: Int
    /// Steps between checkpoints; 0: only the last.
    public var checkpointEvery: Int
    /// Seconds after which a checkpoint is due too; nil: by steps alone.
    public var checkpointSeconds: Double?
    /// Steps between lines of `metrics.jsonl`.
    public var logEvery: Int
    public var retention: Retention

    public init(
        steps: Int, sizes: StepSizes = .even, evaluateEvery: Int, checkpointEvery: Int,
        checkpointSeconds: Double? = nil, logEvery: Int,
        retention: Retention
    ) {
        self.checkpointSeconds = checkpointSeconds
        self.steps = steps
        self.sizes = sizes
        self.evaluateEvery = evaluateEvery
        self.checkpointEvery = checkpointEvery
        self.logEvery = logEvery
        self.retention = retention
    }

    /// Whether an evaluation follows a step.
    func isEvaluationDue(after step: Int) -> Bool { step == steps || Self.isDue(step, every: evaluateEvery) }

    /// Whether a checkpoint follows a step.
    ///
    /// - Parameter seconds: since the last one, or since the run began.
    func isCheckpointDue(after step: Int, seconds: Double) -> Bool {
        step == steps || Self.isDue(step, every: checkpointEvery) || seconds >= checkpointSeconds ?? .infinity
    }

    private static func isDue(_ step: Int, every interval: Int) -> Bool { interval > 0 && step % interval == 0 }
}
