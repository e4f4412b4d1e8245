/// Draws documents for training a tokenizer, without reading more of the corpus than is needed.
///
/// Held-out documents are never among them. Which documents come, and in which order, depends on the corpus, the
/// configuration, the seed and the limit alone.
public struct CorpusSampler: Sendable {
    /// What was drawn.
    public struct Summary: Sendable, Equatable {
        /// Documents, or pieces of long ones.
        public var documents = 0
        public var bytes = 0
        /// What was skipped or replaced in what was read.
        public var report = CorpusReport()
    }

    private let listing: CorpusListing
    private let seed: UInt64
    private let rules: ReadingRules
    private let samplingRules: ReadingRules
    /// How much of a corpus without a document is read to say why.
    private static let explainedBytes: Int64 = 64 << 20
    /// How much of a document is read that begins amid a file.
    private static let longDocument: Int64 = 4 << 20

    public init(listing: CorpusListing, seed: UInt64) {
        self.listing = listing
        self.seed = seed
        rules = ReadingRules(listing.configuration)
        var rules = rules
        // In the middle of a file the number of a line is not known: the loader will find what is wrong with it.
        rules.strict = false
        samplingRules = rules
    }

    /// Hands out the text of documents, sources in proportion to their weights, up to `limitBytes` in all.
    ///
    /// - Parameter body: gets one document's UTF-8, valid during the call.
    /// - Throws: `CorpusError.noTrainingDocuments` if there are none, what reading throws, and what `body` throws.
    @discardableResult
    public func sampleDocuments(
        limitBytes: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void
    ) throws -> Summary {
        var summary = Summary()
        // Sources that are small for their weight come first; what they cannot give is left to the others.
        let order = listing.sources.indices.sorted {
            let (a, b) = (need($0), need($1))
            return a == b ? $0 < $1 : a < b
        }
        var weightLeft = listing.sources.reduce(0) { $0 + $1.configuration.weight }
        for index in order {
            let source = listing.sources[index]
            let weight = source.configuration.weight
            let share = Double(limitBytes - summary.bytes) * min(1, weight / weightLeft)
            weightLeft -= weight
            let budget = index == order.last ? limitBytes - summary.bytes : Int(share)
            let plan = SamplingPlan(source: source, index: index, budget: budget, seed: seed)
            var left = budget
            var tally = RowTally()
            var report = CorpusReport()
            var arrays: [Int: FilePosition] = [:]
            var misses = 0
            func read(_ chunks: [SamplingPlan.Chunk]) throws {
                for chunk in chunks where left > 0 {
                    let before = left
                    do {
                        let file = source.files[chunk.file]
                        let isHit = try self.read(
                            chunk, from: file, left: &left, tally: &tally, report: &report, reached: &arrays[chunk.file]
                        ) { text in
                            summary.documents += 1
                            try body(text)
                        }
                        if !isHit { misses += 1 }
                    } catch is DocumentReader.TooMuchSkipped {
                        throw source.tooMuchSkipped(index, tally, allowed: rules.maximumSkippedFraction, report)
                    }
                    summary.bytes += before - left
                }
            }
            try read(plan.chunks)
            // Where few parts hold the start of a document, as in a file that is one: from the beginnings of the files.
            if left > budget / 8, misses > plan.chunks.count / 2 { try read(plan.beginnings(source, budget: left)) }
            let minimum = left > 0 && plan.isComplete ? 0 : RowTally.sensibleRows
            if tally.exceeds(rules.maximumSkippedFraction, minimum: minimum) {
                throw source.tooMuchSkipped(index, tally, allowed: rules.maximumSkippedFraction, report)
            }
            summary.report.add(report)
        }
        if summary.documents == 0 && limitBytes > 0 {
            throw try lackOfDocuments()
        }
        return summary
    }

    /// Why there is nothing to sample: reads again from the start, with line numbers and as strictly as configured.
    ///
    /// - Throws: under `strict`, the error that names the first line or byte at fault.
    private func lackOfDocuments() throws -> CorpusError {
        var rules = rules
        // Nothing is usable anyway; it is all to be counted.
        rules.maximumSkippedFraction = 1
        var report = listing.report
        var heldOut = 0
        var empty = 0
        var left = Self.explainedBytes
        for file in listing.sources.flatMap(\.files) where left > 0 {
            do {
                let reader = try DocumentReader(file, rules: rules)
                while reader.position.offset < left, let piece = try reader.next() {
                    if piece.isHeldOut, piece.beginsUnit { heldOut += 1 }
                }
                report.add(reader.report)
                empty += reader.emptyDocuments
                left -= reader.position.offset
            } catch let unusable as DocumentReader.Unusable {
                report.add(unusable.report)
            }
        }
        return .noTrainingDocuments(
            source: 0, path: listing.sources.map(\.configuration.path).joined(separator: ", "), heldOut: heldOut,
            empty: empty, warnings: report.summary(without: [.emptyDocument]))
    }

    private func need(_ index: Int) -> Double {
        Double(SamplingPlan.estimatedBytes(listing.sources[index])) / listing.sources[index].configuration.weight
    }

    /// - Returns: false where no document begins in the part.
    private func read(
        _ chunk: SamplingPlan.Chunk, from file: CorpusFile, left: inout Int, tally: inout RowTally,
        report: inout CorpusReport, reached: inout FilePosition?,
        _ body: (UnsafeBufferPointer<UInt8>) throws -> Void
    ) throws -> Bool {
        var position = FilePosition()
        position.offset = chunk.start
        var end = chunk.end
        var reader: DocumentReader
        do {
            reader = try DocumentReader(file, at: position, rules: chunk.start == 0 ? rules : samplingRules)
            if chunk.start > 0, try reader.isArray() {
                // Where an element begins shows only from the start: as much is read from there on.
                position = reached ?? FilePosition()
                end = position.offset + chunk.end - chunk.start
                reader = try DocumentReader(file, at: position, rules: rules)
            }
        } catch let unusable as DocumentReader.Unusable {
            report.add(unusable.report)
            return true
        }
        reader.tally = tally
        defer {
            tally = reader.tally
            report.add(reader.report)
            if reader.position.isInArray { reached = reader.position }
        }
        if position.offset > 0, !position.isInArray {
            let isThere = try reader.alignToDocument(limit: Int(min(chunk.end - chunk.start, 64 << 20)))
            guard isThere, reader.position.offset < end else { return false }
        }
        // Of a long document that begins in the part more is read than the part's end leaves, or few beginnings would be all.
        let reach = chunk.end == .max || !SamplingPlan.canSeek(file) ? end : reader.position.offset + Self.longDocument
        while left > 0,
            reader.position.offset < end || reader.position.piece > 0 && reader.position.offset < reach,
            let piece = try reader.next()
        {
            if piece.isHeldOut { continue }
            var text = piece.text
            if text.count > left {
                text = UnsafeRawBufferPointer(rebasing: text[..<PieceCut.position(in: text, maximum: left)])
                left = 0
            } else {
                left -= text.count
            }
            if !text.isEmpty { try body(text.bindMemory(to: UInt8.self)) }
        }
        return true
    }
}
