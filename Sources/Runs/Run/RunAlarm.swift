/// Something about a run that its user would want to act on. Of each kind there is one in a run.
public struct RunAlarm: Codable, Sendable, Equatable {
    /// Tells kinds apart, for programs.
    public var kind: String
    /// The step at which what it says began.
    public var since: Int
    /// What was seen and what to try, in one line.
    public var message: String

    public init(kind: String, since: Int, message: String) {
        self.kind = kind
        self.since = since
        self.message = message
    }
}
