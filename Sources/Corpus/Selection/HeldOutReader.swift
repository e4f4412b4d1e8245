/// Collects documents for evaluation, packed like training batches.
///
/// What it collects depends on the corpus and the settings, not on the training seed: losses of different runs on the same
/// corpus can be compared.
public struct HeldOutReader: Sendable {
    /// Which documents are evaluated.
    public enum Selection: Sendable {
        /// The share that training never sees (`corpus.held_out`).
        case heldOut
        /// The share that neither training nor any choice of settings sees (`corpus.test`).
        case test
        /// Every document, of a corpus that is not trained on.
        case all
    }

    /// What was collected.
    public struct Collection: Sendable {
        /// Batches of the given number of sequences, the last one possibly of fewer.
        public var batches: [TokenBatch] = []
        /// The source of each batch: sources are not mixed, so that each can be judged.
        public var sources: [Int] = []
        /// Tokens in the batches, `[CLS]` and `[SEP]` included.
        public var tokens = 0
        /// Documents of which something is in the batches.
        public var documents = 0
        /// Documents that were looked at.
        public var scannedDocuments = 0
        /// Decompressed bytes that were looked at.
        public var scannedBytes: Int64 = 0
        public var report = CorpusReport()
    }

    /// Tokens of the smallest segment: one, with [CLS] and [SEP].
    public static let smallestBudget = 3

    /// Tokens that a document gives at most, as long as there are others, unless four sequences are longer.
    static let documentTokens = 1024

    /// Decompressed bytes that are read at most in search of documents.
    public static let defaultScanLimit: Int64 = 2 << 30

    private let listing: CorpusListing
    private let tokenizer: any DocumentTokenizer
    private let selection: Selection

    public init(listing: CorpusListing, tokenizer: any DocumentTokenizer, selection: Selection = .heldOut) {
        self.listing = listing
        self.tokenizer = tokenizer
        self.selection = selection
    }

    /// Reads until there are enough tokens.
    ///
    /// Sources contribute by weight, large files from several places. So that one long document does not stand for all, each
    /// gives at most 1,024 tokens, or four sequences; only if that does not fill the budget, the rest of long documents is
    /// used as well. What a smaller budget takes is part of what a larger one does. Text of up to twice the budget is held in
    /// memory.
    ///
    /// - Parameters:
    ///   - tokenBudget: tokens at most, and at least `smallestBudget`.
    ///   - batchSize: sequences in a batch.
    ///   - scanLimit: decompressed bytes to read at most.
    ///   - check: called at every document; what it throws ends the reading.
    /// - Throws: `CorpusError.noHeldOutDocuments` if nothing is held out, or what reading throws.
    public func read(
        tokenBudget: Int, batchSize: Int, scanLimit: Int64 = defaultScanLimit, check: () throws -> Void = {}
    ) throws -> Collection {
        precondition(tokenBudget >= Self.smallestBudget && batchSize > 0)
        if fraction == 0 {
            throw CorpusError.noHeldOutDocuments(
                setting: setting, fraction: 0, scannedDocuments: 0, scannedBytes: 0)
        }
        var rules = ReadingRules(listing.configuration)
        if selection == .all { rules.split = HeldOutSplit(fraction: 0) }
        let totalWeight = listing.sources.reduce(0) { $0 + $1.configuration.weight }
        let scans = listing.sources.enumerated().map { index, source in
            let share = source.configuration.weight / totalWeight
            let limit = selection == .all ? Int64.max : max(1, Int64(Double(scanLimit) * share))
            return DocumentScan(source, index: index, rules: rules, byteLimit: limit)
        }
        var gathering = HeldOutGathering(
            packers: scans.map { _ in
                SequencePacker(
                    sequenceLength: listing.configuration.sequenceLength, classificationID: tokenizer.classificationID,
                    separatorID: tokenizer.separatorID, open: [])
            }, budget: tokenBudget, batchSize: batchSize)
        try gather(from: scans, into: &gathering, check: check)
        var collection = gathering.finish()
        collection.report.add(listing.report)
        for scan in scans {
            collection.scannedDocuments += scan.documents
            collection.scannedBytes += scan.totalScannedBytes
            collection.report.add(scan.totalReport)
            try scan.check()
        }
        if collection.tokens == 0 {
            throw CorpusError.noHeldOutDocuments(
                setting: setting, fraction: fraction,
                scannedDocuments: collection.scannedDocuments, scannedBytes: collection.scannedBytes)
        }
        return collection
    }

    private var setting: String { selection == .test ? "test" : "held_out" }

    /// Share of the documents that are wanted.
    private var fraction: Double {
        switch selection {
        case .heldOut: listing.configuration.heldOut
        case .test: listing.configuration.test
        case .all: 1
        }
    }

    private func isWanted(_ piece: DocumentReader.Piece) -> Bool {
        switch selection {
        case .heldOut: piece.isHeldOut && !piece.isTest
        case .test: piece.isTest
        case .all: true
        }
    }

    private func gather(
        from scans: [DocumentScan], into gathering: inout HeldOutGathering, check: () throws -> Void
    ) throws {
        var encoder = tokenizer.makeEncoder()
        var tokens = Array(repeating: 0, count: scans.count)
        var remaining = Array(scans.indices)
        var encoded: [Int32] = []
        var unknown = 0
        defer { gathering.count(unknown: unknown) }
        while !gathering.isFull, var chosen = remaining.first {
            for index in remaining
            where Double(tokens[index]) / scans[index].weight < Double(tokens[chosen]) / scans[chosen].weight {
                chosen = index
            }
            guard
                let piece = try scans[chosen].next(where: {
                    try check()
                    return isWanted($0)
                })
            else {
                remaining.removeAll { $0 == chosen }
                continue
            }
            encoded.removeAll(keepingCapacity: true)
            encoder.encode(piece.text.bindMemory(to: UInt8.self), into: &encoded)
            unknown += tokenizer.unknownCount(encoded)
            tokens[chosen] += gathering.add(encoded, source: chosen, isNewDocument: piece.beginsUnit)
        }
    }
}

/// Packs collected documents up to a budget.
private struct HeldOutGathering {
    /// One for each source.
    private var packers: [SequencePacker]
    private var batches: [[TokenBatch]]
    private let budget: Int
    private let batchSize: Int
    private let documentLimit: Int
    private var collection = HeldOutReader.Collection()
    /// Tokens that each source's current document has given.
    private var givenByDocument: [Int: Int] = [:]
    /// Parts of documents beyond the limit, in case that there is not enough otherwise.
    private var spare: [(source: Int, tokens: [Int32])] = []
    private var spareTokens = 0

    mutating func count(unknown: Int) {
        if unknown > 0 { collection.report.count(.unknownToken, unknown) }
    }

    init(packers: [SequencePacker], budget: Int, batchSize: Int) {
        self.packers = packers
        batches = packers.map { _ in [] }
        self.budget = budget
        self.batchSize = batchSize
        documentLimit = max(4 * (packers.first?.sequenceLength ?? 0), HeldOutReader.documentTokens)
    }

    /// Whether not even a segment of one token, [CLS] and [SEP] would fit.
    var isFull: Bool { budget - collection.tokens < HeldOutReader.smallestBudget }

    /// - Returns: the tokens that were taken at once.
    mutating func add(_ document: [Int32], source: Int, isNewDocument: Bool) -> Int {
        if isNewDocument { givenByDocument[source] = 0 }
        guard !document.isEmpty else { return 0 }
        let given = givenByDocument[source] ?? 0
        if given == 0 { collection.documents += 1 }
        let count = min(document.count, max(0, documentLimit - given))
        let before = collection.tokens
        place(document[..<count], source)
        givenByDocument[source] = given + count
        if count < document.count && spareTokens < budget {
            spare.append((source, Array(document[count...].prefix(budget))))
            spareTokens += document.count - count
        }
        return collection.tokens - before
    }

    mutating func finish() -> HeldOutReader.Collection {
        for document in spare where !isFull { place(document.tokens[...], document.source) }
        for source in packers.indices {
            while let sequence = packers[source].flush() { append(sequence, source) }
            collection.batches += batches[source]
            collection.sources += batches[source].map { _ in source }
        }
        return collection
    }

    private mutating func place(_ document: ArraySlice<Int32>, _ source: Int) {
        var rest = document
        while !rest.isEmpty && !isFull {
            let content = rest.prefix(min(packers[source].maximumContent, budget - collection.tokens - 2))
            collection.tokens += content.count + 2
            if let sequence = packers[source].place(content) { append(sequence, source) }
            rest = rest.dropFirst(content.count)
        }
    }

    private mutating func append(_ sequence: PackedSequence, _ source: Int) {
        if batches[source].last.map({ $0.sequenceCount == batchSize }) ?? true { batches[source].append(TokenBatch()) }
        batches[source][batches[source].count - 1].append(sequence)
    }
}
