/// The endless stream of one source's segments; used by the loader's thread.
final class SourceStream {
    let index: Int
    let weight: Double
    private(set) var state: SourceState
    /// Warnings of windows that have been taken up since the loader last asked.
    var report = CorpusReport()
    /// Epochs that have ended since the loader last asked.
    var endedEpochs = 0

    let path: String
    /// Counts the tokens of a document that stand for what no token has.
    private let unknownCount: ([Int32]) -> Int
    private let seed: UInt64
    private let prefetcher: WindowPrefetcher
    private let maximumActive: Int
    private let maximumActiveBytes: Int
    private var window: DocumentWindow?
    private var order: [Int32] = []
    private var draws: CounterRandom
    /// Makes pairs, where the run is to have them; of the window at hand.
    private var pairs: PairBuilder?
    private let sequenceLength: Int
    private let wantsPairs: Bool
    /// Tokens of the active documents.
    private var tokens: [[Int32]] = []
    /// Where their sentences end, in tokens; empty lists without pairs.
    private var sentenceEnds: [[Int]] = []
    private var remaining = 0
    private var activeBytes = 0
    /// All warnings, also for an error's explanation.
    private(set) var history: LoadingHistory.Source
    /// Whether the history has those of the window that the state names.
    private var knowsWindow: Bool

    init(
        listing: CorpusListing, index: Int, seed: UInt64, state: SourceState, history: LoadingHistory.Source?,
        prefetcher: WindowPrefetcher, unknownCount: @escaping ([Int32]) -> Int
    ) {
        self.unknownCount = unknownCount
        let configuration = listing.configuration
        self.index = index
        self.seed = seed
        self.state = state
        self.history = history ?? .init(warnings: CorpusReport(), ofEpoch: (state.epoch, CorpusReport()))
        knowsWindow = history != nil && state.isWindowCounted
        self.prefetcher = prefetcher
        sequenceLength = configuration.sequenceLength
        wantsPairs = configuration.pairs
        path = configuration.sources[index].path
        weight = configuration.sources[index].weight
        maximumActive = configuration.interleaveDocuments
        // Active documents are encoded again at a resume, so their size bounds the time that takes.
        maximumActiveBytes = WindowReader.share(of: 8 << 20, index: index, configuration)
        draws = CounterRandom(seed: seed, purpose: .interleaving, source: index)
    }

    /// What the next segment is chosen by: tokens emitted for each unit of weight.
    var progress: Double { Double(state.tokens) / weight }

    /// Tokens of one document, and where the second half of a pair begins in them.
    struct Segment {
        var content: ArraySlice<Int32>
        var second: Int?
    }

    /// Takes the next segment.
    ///
    /// - Returns: at most `maximumContent` tokens of one document, at least one.
    func nextSegment(maximumContent: Int, encoder: inout any DocumentEncoder) throws -> Segment {
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
            let segment =
                pairs?.segment(from: start, of: document.count, ends: sentenceEnds[chosen], draw: state.draws)
                ?? .init(end: min(start + maximumContent, document.count))
            let end = segment.end
            if end == document.count {
                activeBytes -= window.byteCount(of: Int(order[state.active[chosen].document]))
                state.active.remove(at: chosen)
                tokens.remove(at: chosen)
                sentenceEnds.remove(at: chosen)
            } else {
                state.active[chosen].token = end
            }
            remaining -= end - start
            state.draws += 1
            state.epochSegments += 1
            state.tokens += Int64(end - start + (segment.second == nil ? 2 : 3))
            return Segment(content: document[start..<end], second: segment.second)
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
            let (encoded, ends) = encode(window.text(document), &encoder)
            state.documents += 1
            state.nextDocument += 1
            guard !encoded.isEmpty else {
                state.emptyDocuments += 1
                note { $0.count(.emptyDocument, 1) }
                continue
            }
            let unknown = unknownCount(encoded)
            if unknown > 0 { note { $0.count(.unknownToken, unknown) } }
            activeBytes += bytes
            remaining += encoded.count
            state.active.append(.init(document: state.nextDocument - 1, token: 0))
            tokens.append(encoded)
            sentenceEnds.append(ends)
        }
    }

    /// A document's tokens and, for pairs, where its sentences end in them: with the first token that ends there or behind it,
    /// since a full stop and the line's end may be one token.
    private func encode(
        _ text: UnsafeBufferPointer<UInt8>, _ encoder: inout any DocumentEncoder
    ) -> (tokens: [Int32], ends: [Int]) {
        var tokens: [Int32] = []
        guard wantsPairs else {
            encoder.encode(text, into: &tokens)
            return (tokens, [])
        }
        let counts = encoder.encode(text, into: &tokens, countingBefore: SentenceEnds.offsets(in: text))
        // A sentence of nothing but what a normalizer removes ends nothing.
        var ends: [Int] = []
        for end in counts + [tokens.count] where end > ends.last ?? 0 { ends.append(end) }
        return (tokens, ends)
    }

    private func note(_ add: (inout CorpusReport) -> Void) {
        add(&history.ofEpoch.report)
        report.add(history.warnings.raise(to: history.ofEpoch.report))
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
        if wantsPairs {
            pairs = PairBuilder(
                sequenceLength: sequenceLength,
                random: CounterRandom(
                    seed: seed, purpose: .pairs, source: index, epoch: start.epoch, window: start.index))
        }
        if !state.isWindowCounted {
            state.isWindowCounted = true
            state.heldOutDocuments += Int64(window.heldOutDocuments)
            state.emptyDocuments += Int64(window.emptyDocuments)
            state.invalidSequences += Int64(window.invalidSequences)
        }
        if history.ofEpoch.epoch != start.epoch { history.ofEpoch = (start.epoch, CorpusReport()) }
        if !knowsWindow { note { $0.add(window.report) } }
        knowsWindow = false
        guard state.nextDocument <= window.count, state.active.allSatisfy({ $0.document < state.nextDocument }) else {
            throw CorpusError.invalidState("source \(index) has no document \(state.nextDocument) in this window")
        }
        let resumed = state.active
        state.active = []
        for active in resumed {
            let document = Int(order[active.document])
            let (encoded, ends) = encode(window.text(document), &encoder)
            guard active.token < encoded.count else {
                // Earlier versions encoded sentences one by one, and came to more tokens.
                if state.form == nil { continue }
                throw CorpusError.invalidState("source \(index) has no token \(active.token) in its document")
            }
            state.active.append(active)
            tokens.append(encoded)
            sentenceEnds.append(ends)
            activeBytes += window.byteCount(of: document)
            remaining += encoded.count - active.token
        }
        state.form = SourceState.currentForm
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
                    warnings: history.warnings.summary(without: [.emptyDocument]))
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
