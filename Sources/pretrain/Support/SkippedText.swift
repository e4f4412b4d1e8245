import Corpus

/// What a command says of text that it skipped, replaced or cut.
enum SkippedText {
    /// A line for each kind, on standard error.
    static func note(_ entries: [CorpusReport.Entry]) {
        if entries.isEmpty { return }
        Terminal.note("of the text that was read:")
        for entry in entries { Terminal.note("  \(entry)") }
    }
}
