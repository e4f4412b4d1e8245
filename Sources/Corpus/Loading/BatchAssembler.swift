/// Makes batches from the sources' segments; used by the loader's thread.
final class BatchAssembler {
    private let sources: [SourceStream]
    private var encoder: any DocumentEncoder
    private var packer: SequencePacker
    private var state: LoaderState
    private let batchSize: Int
    private let cancellation: Cancellation
    private var report: CorpusReport
    private var newWarnings: [CorpusWarning]
    private var smallWarningGiven: Bool

    init(
        listing: CorpusListing, sources: [SourceStream], tokenizer: any DocumentTokenizer, batchSize: Int,
        state: LoaderState, history: LoadingHistory?, cancellation: Cancellation
    ) {
        self.cancellation = cancellation
        self.sources = sources
        self.state = state
        self.batchSize = batchSize
        encoder = tokenizer.makeEncoder()
        packer = SequencePacker(
            sequenceLength: listing.configuration.sequenceLength, classificationID: tokenizer.classificationID,
            separatorID: tokenizer.separatorID, pairs: listing.configuration.pairs, open: state.openSequences,
            completed: state.completedSequences)
        report = history?.report ?? listing.report
        if history == nil { report.add(WindowReader.warnings(listing)) }
        newWarnings = history == nil ? report.examples : []
        smallWarningGiven = report.counts[.smallerThanBatch] != nil
    }

    /// The next batch. Its content depends on the state alone.
    func next() throws -> LoadedBatch {
        var batch = TokenBatch()
        let room = batchSize * (packer.maximumContent + 2)
        batch.tokens.reserveCapacity(room)
        var ended = sources.map { _ in 0 }
        while batch.sequenceCount < batchSize {
            try cancellation.check()
            let source = leastServed()
            let segment = try source.nextSegment(maximumContent: packer.maximumContent, encoder: &encoder)
            noteWarnings(of: source)
            ended[source.index] += source.endedEpochs
            source.endedEpochs = 0
            if let sequence = packer.place(segment.content, second: segment.second) { batch.append(sequence) }
        }
        if let small = ended.firstIndex(where: { $0 > 1 }), !smallWarningGiven {
            smallWarningGiven = true
            add(
                CorpusWarning(
                    .smallerThanBatch, path: sources[small].path, "all of it was repeated to fill one batch"))
        }
        state.sources = sources.map(\.state)
        state.openSequences = packer.open
        state.completedSequences = packer.completed
        state.batches += 1
        defer { newWarnings = [] }
        return LoadedBatch(
            batch: batch, stateAfter: state, fill: Double(batch.tokenCount) / Double(room), newWarnings: newWarnings,
            history: LoadingHistory(report: report, sources: sources.map(\.history)))
    }

    /// The source with the fewest tokens for its weight, the first one of equals.
    private func leastServed() -> SourceStream {
        var chosen = sources[0]
        for source in sources.dropFirst() where source.progress < chosen.progress { chosen = source }
        return chosen
    }

    private func noteWarnings(of source: SourceStream) {
        guard !source.report.isEmpty else { return }
        newWarnings += report.add(source.report).filter { !$0.kind.isRemark }
        source.report = CorpusReport()
    }

    private func add(_ warning: CorpusWarning) {
        if report.add(warning) { newWarnings.append(warning) }
    }
}
