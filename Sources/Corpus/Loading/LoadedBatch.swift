/// A batch, and what to save to go on after it.
public struct LoadedBatch: Sendable {
    public var batch: TokenBatch
    /// A loader resumed from this gives the batches that follow.
    public var stateAfter: LoaderState
    /// Share of the batch's room, `batch size × sequence_length`, that holds tokens.
    public var fill: Double
    /// Warnings to show: the first few of each kind, each of them once.
    public var newWarnings: [CorpusWarning]

    /// What has been told of the text so far.
    package var history: LoadingHistory

    /// All warnings so far.
    public var report: CorpusReport { history.report }

    /// Complete passes over each source.
    public var epochs: [Int] { stateAfter.sources.map(\.epoch) }
}
