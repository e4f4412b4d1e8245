import Checkpoints

/// A long computation of numbered steps, as `RunLoop` drives it: pretraining, and whatever else trains.
public protocol RunWork: AnyObject {
    associatedtype Record: RunRecord
    associatedtype Evaluation: RunEvaluation

    /// Steps that are finished.
    var step: Int { get }

    /// Whether further steps are not worth taking, though the run was planned longer. Asked between steps, after what is due.
    var isDone: Bool { get }

    /// Whether the present state can be kept, so that the run may stop after a signal; else it goes on until it can.
    var mayStop: Bool { get }

    /// Takes the next step; afterwards `step` is one higher.
    ///
    /// - Throws: what stands in the way; the state is then that of `step`.
    func advance() throws -> StepResult<Record>

    /// Evaluates the present state.
    ///
    /// - Returns: nil where there is nothing to evaluate on.
    func evaluate() throws -> Evaluation?

    /// Of weights and gradients after the step that was just taken, where it was asked for; for TensorBoard.
    var histograms: [(tag: String, histogram: ValueHistogram)] { get }

    /// All that the next step depends on.
    ///
    /// - Returns: nil where there is nothing to keep yet.
    func checkpoint() throws -> CheckpointContents?

    /// Alarms since it was asked last. Asked after every step and evaluation.
    func takeAlarms() -> [RunAlarm]

    /// Told, before the first step of a run that goes on, what is on record: alarms, and the figures of the evaluation after the
    /// step of the checkpoint, which is not done again.
    func remember(_ alarms: [RunAlarm], _ evaluation: [String: Double]?)
}

extension RunWork {
    public var isDone: Bool { false }
    public var mayStop: Bool { true }
    public func takeAlarms() -> [RunAlarm] { [] }
    public func remember(_: [RunAlarm], _: [String: Double]?) {}
    public var histograms: [(tag: String, histogram: ValueHistogram)] { [] }
}

/// What a step came to.
public enum StepResult<Record: Sendable>: Sendable {
    case taken(Record)
    /// Counted, but nothing was learned.
    case skipped(reason: String)
}

/// What is kept of a step: a line of `metrics.jsonl`, scalars for TensorBoard, and something for people.
public protocol RunRecord: Encodable, Sendable {
    var scalars: [(tag: String, value: Double)] { get }
    /// Parts of the progress line, from the most to the least important; the time that is left comes behind the first.
    var progressFields: [ProgressField] { get }
}

/// What is kept of an evaluation.
public protocol RunEvaluation: Encodable, Sendable {
    var step: Int { get }
    var scalars: [(tag: String, value: Double)] { get }
    /// What belongs into `metrics.jsonl`: without what is for people, and long.
    var logged: Self { get }
    /// Markdown for TensorBoard.
    var texts: [(tag: String, text: String)] { get }
    /// What belongs into `samples.jsonl`: an object; nil for nothing.
    var samplesRecord: (any Encodable & Sendable)? { get }
}

extension RunEvaluation {
    public var samplesRecord: (any Encodable & Sendable)? { nil }
    public var texts: [(tag: String, text: String)] { [] }
}
