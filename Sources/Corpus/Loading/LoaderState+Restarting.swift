extension LoaderState {
    /// The state at the beginning of the next pass over every source, as after a corpus has changed: positions mean nothing
    /// in other files. Sequences that are being filled and counters stay.
    package func restarted(configuration: CorpusConfiguration, seed: UInt64) -> LoaderState {
        var fresh = LoaderState(configuration: configuration, seed: seed)
        fresh.openSequences = openSequences
        fresh.completedSequences = completedSequences
        fresh.batches = batches
        for (index, old) in sources.enumerated() where fresh.sources.indices.contains(index) {
            fresh.sources[index].window.epoch = old.epoch + 1
            fresh.sources[index].tokens = old.tokens
            fresh.sources[index].documents = old.documents
            fresh.sources[index].heldOutDocuments = old.heldOutDocuments
            fresh.sources[index].emptyDocuments = old.emptyDocuments
            fresh.sources[index].invalidSequences = old.invalidSequences
        }
        return fresh
    }
}
