/// What a run tells those who watch it, beside its progress line.
public enum RunEvent<Evaluation: RunEvaluation>: Sendable {
    /// Something worth a line.
    case note(String)
    /// Something that needs attention.
    case warning(String)
    /// What the run looks like asks for a decision.
    case alarm(RunAlarm)
    case evaluation(Evaluation)
    case checkpoint(step: Int, path: String)
}

/// How a run ended.
public enum RunEnd: Sendable, Equatable {
    case finished(step: Int)
    /// A signal asked for it; the checkpoint is written.
    case stopped(signal: String, step: Int)
    /// Given up by whoever watched it.
    case abandoned(step: Int)
}
