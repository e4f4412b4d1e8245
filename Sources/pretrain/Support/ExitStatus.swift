/// Exit statuses of every command, as docs/runs.md documents them.
enum ExitStatus {
    static let success: Int32 = 0
    /// The input, the configuration or the state of a directory does not allow the command; the message says what to do.
    static let failure: Int32 = 1
    /// Wrong arguments (EX_USAGE, what swift-argument-parser uses).
    static let usage: Int32 = 64
    /// The processor lacks instructions that the binary was built for (EX_UNAVAILABLE).
    static let unsuitableMachine: Int32 = 69
    /// A signal stopped the run after it wrote a checkpoint; the same command resumes it (EX_TEMPFAIL).
    static let stoppedBySignal: Int32 = 75
}
