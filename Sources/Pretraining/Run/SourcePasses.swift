/// What a run has read of one source.
public struct SourcePasses: Encodable, Sendable, Equatable {
    public var path: String
    /// Complete passes over it.
    public var passes: Int
    /// Tokens emitted, `[CLS]` and `[SEP]` included.
    public var tokens: Int
}
