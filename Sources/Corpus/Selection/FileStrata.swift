/// Reads a file's documents from several places in turn, one that is wanted from each, so that a part of a large file does
/// not come from its beginning alone. Small, compressed and undividable files are read from front to back.
final class FileStrata {
    /// Files below are read from front to back.
    static let smallestFile: Int64 = 8 << 20
    private static let smallestStratum: Int64 = 1 << 20
    private static let mostStrata: Int64 = 16

    private struct Stratum {
        let reader: DocumentReader
        let start: Int64
        /// Read already, and left for the next turn; valid until the reader's next call.
        var pending: DocumentReader.Piece?

        var bytes: Int64 { reader.position.offset - start }
    }

    private var strata: [Stratum] = []
    private var current = 0
    private var hasGiven = false
    private let quota: Int64
    /// Of strata that have ended.
    private var finished: (bytes: Int64, report: CorpusReport, tally: RowTally)
    /// Documents seen, those left for the next turn excluded.
    private(set) var documents = 0
    private var strataEnded = true

    /// - Parameters:
    ///   - quota: bytes to read at most, evenly from all places.
    ///   - order: of the places, for a number of them.
    ///   - tally: of rows that came before.
    /// - Throws: as `DocumentReader`.
    init(
        _ file: CorpusFile, index: Int, rules: ReadingRules, quota: Int64, order: (_ count: Int) -> [Int32],
        tally: RowTally
    ) throws {
        finished = (0, CorpusReport(), tally)
        var count: Int64 = 1
        if SamplingPlan.canSeek(file), file.size >= Self.smallestFile {
            count = min(Self.mostStrata, file.size / Self.smallestStratum)
        }
        self.quota = quota == .max ? .max : max(1, quota / count)
        let ranges = (0..<count).map { part in
            FileRange(
                file: index, start: file.size / count * part,
                end: part == count - 1 ? .max : file.size / count * (part + 1))
        }
        for place in order(Int(count)) {
            let range = count == 1 ? FileRange(file: index) : ranges[Int(place)]
            guard
                let reader = try DocumentReader.open(
                    range, of: file, at: FilePosition(), rules: rules, cancellation: nil)
            else { continue }
            strata.append(Stratum(reader: reader, start: reader.position.offset))
        }
    }

    /// The next piece of a document that is wanted, or nil at the end; its text is valid until the next call.
    ///
    /// - Parameter limit: bytes that may be read of the file from now on.
    /// - Throws: what reading and `isWanted` throw.
    func next(limit: Int64, where isWanted: (DocumentReader.Piece) throws -> Bool) throws -> DocumentReader.Piece? {
        while !strata.isEmpty {
            if current >= strata.count { current = 0 }
            guard let piece = try take(limit: limit) else {
                close()
                continue
            }
            if piece.beginsUnit {
                if hasGiven, strata.count > 1 {
                    strata[current].pending = piece
                    current += 1
                    hasGiven = false
                    continue
                }
                documents += 1
            }
            if try isWanted(piece) {
                hasGiven = true
                return piece
            }
        }
        return nil
    }

    private func take(limit: Int64) throws -> DocumentReader.Piece? {
        if let pending = strata[current].pending {
            strata[current].pending = nil
            return pending
        }
        guard strata[current].bytes < quota, bytes < limit else {
            strataEnded = strataEnded && strata[current].reader.isAtEnd
            return nil
        }
        return try strata[current].reader.next()
    }

    private func close() {
        let stratum = strata.remove(at: current)
        finished.bytes += stratum.bytes
        finished.report.add(stratum.reader.report)
        finished.tally.add(stratum.reader.tally)
        hasGiven = false
    }

    /// Whether nothing of the file is left.
    var isAtEnd: Bool { strataEnded && strata.allSatisfy { $0.pending == nil && $0.reader.isAtEnd } }

    /// Bytes read so far.
    var bytes: Int64 { strata.reduce(finished.bytes) { $0 + $1.bytes } }

    /// Warnings so far.
    var report: CorpusReport {
        strata.reduce(into: finished.report) { $0.add($1.reader.report) }
    }

    /// Rows so far, those that came before the file included.
    var tally: RowTally { strata.reduce(into: finished.tally) { $0.add($1.reader.tally) } }
}
