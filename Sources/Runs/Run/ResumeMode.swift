/// Where a run starts.
public enum ResumeMode: Sendable, Equatable {
    /// From the newest good checkpoint of the output directory, or anew if there is none.
    case automatic
    /// Anew; what the directory holds is set aside.
    case never
    /// From this checkpoint.
    case checkpoint(path: String)
}
