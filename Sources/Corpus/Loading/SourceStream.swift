/// The endless stream of one source's segments; used by the loader's thread.
final class SourceStream {
    let index: Int
    let weight: Double
    private(set) var state: SourceState
    /// Warnings of windows that have been taken up since the loader last asked.
    var report = CorpusReport()
    /// All warnings, for an error's explanation.
    private var warnings = CorpusReport()
    /// Epochs that have ended since the loader last asked.
    var endedEpochs = 0

    let path: String
    private let seed: UInt64
    private let prefetcher: WindowPrefetcher
    private let maximumActive: Int
    private let maximumActiveBytes: Int
    private var window: DocumentWindow?
    private var order: [Int32] = []
    private var draws: CounterRandom
    /// Tokens of the active documents.
    private var tokens: [[Int32]] = []
    private var remaining = 0
    private var activeBytes = 0
    /// Warnings of the epoch under way. Most of them are those of the epoch before; only what is new counts.
    private var epochWarnings: (epoch: Int, report: CorpusReport)

    init(
        listing: CorpusListing, index: Int, seed: UInt64, state: SourceState, prefetcher: WindowPrefetcher
    ) {
        let configuration = listing.configuration
        self.index = index
        self.seed = seed
        self.state = state
        epochWarnings = (state.epoch, CorpusReport())
        self.prefetcher = prefetcher
        path = configuration.sources[index].path
        weight = configuration.sources[index].weight
        maximumActive = configuration.interleaveDocuments
        // Active documents are encoded again at a resume, so their size bounds the time that takes.
        maximumActiveBytes = WindowReader.share(of: 8 << 20, index: index, configuration)
        draws = CounterRandom(seed: seed, purpose: .interleaving, source: index)
    }

    /// What the next segment is chosen by: tokens emitted for each unit of weight.
    var progress: Double { Double(state.tokens) / weight }

    /// Takes the next segment.
    ///
    /// - Returns: at most `maximumContent` tokens of one document, at least one.
    func nextSegment(maximumContent: Int, encoder: inout any DocumentEncoder) throws -> ArraySlice<Int32> {
        while true {
            let window = try window ?? openWindow(&encoder)
            takeUpDocuments(window, &encoder)
            guard remaining > 0 else {
                try finish(window)
                continue
            }
            let chosen = chooseActive()
            let start = state.active[chosen].token
            let document = tokens[chosen]
            let end = min(start + maximumContent, document.count)
            if end == document.count {
                activeBytes -= window.byteCount(of: Int(order[state.active[chosen].document]))
                state.active.remove(at: chosen)
                tokens.remove(at: chosen)
            } else {
                state.active[chosen].token = end
            }
            remaining -= end - start
            state.draws += 1
            state.epochSegments += 1
            state.tokens += Int64(end - start + 2)
            return document[start..<end]
        }
    }

    /// Draws an active document with a probability in proportion to the tokens it has left, so that segments come in
    /// uniformly random order and long documents do not stay behind.
    private func chooseActive() -> Int {
        var place = draws.below(remaining, state.draws)
        for index in tokens.indices {
            place -= tokens[index].count - state.active[index].token
            if place < 0 { return index }
        }
        return tokens.count - 1
    }

    private func takeUpDocuments(_ window: DocumentWindow, _ encoder: inout any DocumentEncoder) {
        while state.nextDocument < window.count && state.active.count < maximumActive {
            let document = Int(order[state.nextDocument])
            let bytes = window.byteCount(of: document)
            if !state.active.isEmpty && activeBytes + bytes > maximumActiveBytes { return }
            var encoded: [Int32] = []
            encoder.encode(window.text(document), into: &encoded)
            state.documents += 1
            state.nextDocument += 1
            guard !encoded.isEmpty else {
                state.emptyDocuments += 1
                epochWarnings.report.count(.emptyDocument, 1)
                report.add(warnings.raise(to: epochWarnings.report))
                continue
            }
            activeBytes += bytes
            remaining += encoded.count
            state.active.append(.init(document: state.nextDocument - 1, token: 0))
            tokens.append(encoded)
        }
    }

    /// Takes over the window that the state names, and with it the documents that were active in it.
    private func openWindow(_ encoder: inout any DocumentEncoder) throws -> DocumentWindow {
        let window = try prefetcher.take(source: index, start: state.window)
        let start = state.window
        order = CounterRandom(
            seed: seed, purpose: .documentOrder, source: index, epoch: start.epoch, window: start.index
        ).permutation(window.count)
        draws = CounterRandom(
            seed: seed, purpose: .interleaving, source: index, epoch: start.epoch, window: start.index)
        if !state.isWindowCounted {
            state.isWindowCounted = true
            state.heldOutDocuments += Int64(window.heldOutDocuments)
            state.emptyDocuments += Int64(window.emptyDocuments)
            state.invalidSequences += Int64(window.invalidSequences)
        }
        if epochWarnings.epoch != start.epoch { epochWarnings = (start.epoch, CorpusReport()) }
        epochWarnings.report.add(window.report)
        report.add(warnings.raise(to: epochWarnings.report))
        guard state.nextDocument <= window.count, state.active.allSatisfy({ $0.document < state.nextDocument }) else {
            throw CorpusError.invalidState("source \(index) has no document \(state.nextDocument) in this window")
        }
        for active in state.active {
            let document = Int(order[active.document])
            var encoded: [Int32] = []
            encoder.encode(window.text(document), into: &encoded)
            guard active.token < encoded.count else {
                throw CorpusError.invalidState("source \(index) has no token \(active.token) in its document")
            }
            tokens.append(encoded)
            activeBytes += window.byteCount(of: document)
            remaining += encoded.count - active.token
        }
        prefetcher.request(source: index, start: window.next)
        self.window = window
        return window
    }

    /// Moves on to the next window, or to the next epoch.
    private func finish(_ window: DocumentWindow) throws {
        if window.endsEpoch {
            guard state.epochSegments > 0 else {
                throw CorpusError.noTrainingDocuments(
                    source: index, path: path, heldOut: Int(state.heldOutDocuments), empty: Int(state.emptyDocuments),
                    warnings: warnings.summary(without: [.emptyDocument]))
            }
            state.epochSegments = 0
            endedEpochs += 1
        }
        state.window = window.next
        state.isWindowCounted = false
        state.nextDocument = 0
        state.draws = 0
        self.window = nil
    }
}
