/// Reads a source's documents once, file by file in an order that depends on no training seed, for evaluation; of large
/// files documents from several places in turn.
final class DocumentScan {
    let weight: Double
    /// Of files that are done: documents seen on either side of the split, decompressed bytes read, warnings.
    private var finishedDocuments = 0
    private var scannedBytes: Int64 = 0
    private var report = CorpusReport()

    private let files: [CorpusFile]
    private let order: [Int32]
    private let rules: ReadingRules
    private let byteLimit: Int64
    /// Bytes read of each file, so that a limited scan does not see the first files only.
    private let fileQuota: Int64
    private var nextFile = 0
    private var strata: FileStrata?
    private var readsAll = true
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
            if let strata {
                if let piece = try next(of: strata, where: isWanted) { return piece }
                close(strata)
            }
            guard nextFile < files.count && scannedBytes < byteLimit else { return nil }
            defer { nextFile += 1 }
            let file = Int(order[nextFile])
            do {
                strata = try FileStrata(
                    files[file], index: file, rules: rules, quota: fileQuota,
                    order: { [index] in
                        CounterRandom(seed: 0, purpose: .heldOutPlaceOrder, source: index, epoch: file).permutation($0)
                    }, tally: tally)
            } catch let unusable as DocumentReader.Unusable {
                report.add(unusable.report)
            }
        }
    }

    private func next(
        of strata: FileStrata, where isWanted: (DocumentReader.Piece) throws -> Bool
    ) throws -> DocumentReader.Piece? {
        do {
            return try strata.next(limit: byteLimit - scannedBytes, where: isWanted)
        } catch is DocumentReader.TooMuchSkipped {
            throw tooMuchSkipped
        }
    }

    /// Refuses what has been read if too much of it is unusable.
    ///
    /// - Throws: `CorpusError.tooMuchSkipped`.
    func check() throws {
        let isComplete = nextFile == files.count && readsAll && strata?.isAtEnd ?? true && fileQuota == .max
        let minimum = isComplete ? 0 : RowTally.sensibleRows
        if total.exceeds(rules.maximumSkippedFraction, minimum: minimum) { throw tooMuchSkipped }
    }

    private var total: RowTally { strata?.tally ?? tally }

    private var tooMuchSkipped: CorpusError {
        source.tooMuchSkipped(index, total, allowed: rules.maximumSkippedFraction, totalReport)
    }

    /// Documents so far, those of the open file included.
    var documents: Int { finishedDocuments + (strata?.documents ?? 0) }

    /// Whether no file, and no part of one, was left out for want of quota.
    var hasReadAll: Bool { nextFile == files.count && readsAll && strata == nil }

    /// Bytes read so far, those of the open file included.
    var totalScannedBytes: Int64 { scannedBytes + (strata?.bytes ?? 0) }

    /// Warnings so far, those of the open file included.
    var totalReport: CorpusReport {
        var total = report
        if let strata { total.add(strata.report) }
        return total
    }

    private func close(_ strata: FileStrata) {
        finishedDocuments += strata.documents
        scannedBytes += strata.bytes
        report.add(strata.report)
        tally = strata.tally
        readsAll = readsAll && strata.isAtEnd
        self.strata = nil
    }
}
