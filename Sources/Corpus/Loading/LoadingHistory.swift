/// What a loader has told of the text that it skipped or replaced: one that goes on in the same run counts from there.
package struct LoadingHistory: Sendable {
    /// Of one source.
    struct Source: Sendable {
        /// All of it.
        var warnings: CorpusReport
        /// Of the pass under way. Most are those of the pass before; only what is new counts.
        var ofEpoch: (epoch: Int, report: CorpusReport)
    }

    /// Of all sources and of their files.
    var report: CorpusReport
    var sources: [Source]
}
