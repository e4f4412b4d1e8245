/// Reads a source's documents once, file by file in an order that depends on no training seed, for evaluation.
final class DocumentScan {
    let weight: Double
    /// Documents seen on either side of the split.
    private(set) var documents = 0
    /// Decompressed bytes read.
    private(set) var scannedBytes: Int64 = 0
    private(set) var report = CorpusReport()

    private let files: [CorpusFile]
    private let order: [Int32]
    private let rules: ReadingRules
    private let byteLimit: Int64
    /// Bytes read of each file, so that a limited scan does not see the first files only.
    private let fileQuota: Int64
    private var nextFile = 0
    private var reader: DocumentReader?
    private let source: CorpusListing.Source
    private let index: Int
    private var tally = RowTally()

    init(_ source: CorpusListing.Source, index: Int, rules: ReadingRules, byteLimit: Int64) {
        weight = source.configuration.weight
        files = source.files
        self.source = source
        self.index = index
        self.rules = rules
        self.byteLimit = byteLimit
        order = CounterRandom(seed: 0, purpose: .heldOutFileOrder, source: index).permutation(files.count)
        let quota = byteLimit / Int64(max(1, files.count))
        fileQuota = source.bytes <= byteLimit ? .max : max(1 << 20, quota)
    }

    /// The next piece of a document that is wanted, or nil at the end; its text is valid until the next call.
    func next(where isWanted: (DocumentReader.Piece) throws -> Bool) throws -> DocumentReader.Piece? {
        while true {
            if let reader {
                let read = reader.position.offset
                if read < fileQuota && scannedBytes + read < byteLimit, let piece = try nextPiece(of: reader) {
                    if piece.beginsUnit { documents += 1 }
                    if try isWanted(piece) { return piece }
                    continue
                }
                close(reader)
            }
            guard nextFile < files.count && scannedBytes < byteLimit else { return nil }
            defer { nextFile += 1 }
            do {
                reader = try DocumentReader(files[Int(order[nextFile])], rules: rules)
                reader?.tally = tally
            } catch let unusable as DocumentReader.Unusable {
                report.add(unusable.report)
            }
        }
    }

    private func nextPiece(of reader: DocumentReader) throws -> DocumentReader.Piece? {
        do {
            return try reader.next()
        } catch is DocumentReader.TooMuchSkipped {
            throw tooMuchSkipped
        }
    }

    /// Refuses what has been read if too much of it is unusable.
    ///
    /// - Throws: `CorpusError.tooMuchSkipped`.
    func check() throws {
        let isComplete = nextFile == files.count && (reader == nil || reader?.isAtEnd == true) && fileQuota == .max
        let minimum = isComplete ? 0 : RowTally.sensibleRows
        if total.exceeds(rules.maximumSkippedFraction, minimum: minimum) { throw tooMuchSkipped }
    }

    private var total: RowTally { reader?.tally ?? tally }

    private var tooMuchSkipped: CorpusError {
        source.tooMuchSkipped(index, total, allowed: rules.maximumSkippedFraction, totalReport)
    }

    /// Bytes read so far, those of the open file included.
    var totalScannedBytes: Int64 { scannedBytes + (reader?.position.offset ?? 0) }

    /// Warnings so far, those of the open file included.
    var totalReport: CorpusReport {
        var total = report
        if let reader { total.add(reader.report) }
        return total
    }

    private func close(_ reader: DocumentReader) {
        scannedBytes += reader.position.offset
        report.add(reader.report)
        tally = reader.tally
        self.reader = nil
    }
}
