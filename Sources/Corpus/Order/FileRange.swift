/// What is read from front to back: a file, or the documents that begin in a range of one.
struct FileRange: Equatable {
    var file: Int
    var start: Int64 = 0
    var end: Int64 = .max

    /// The ranges of a source, in the order of its files; each file is one unless large files are to be divided.
    ///
    /// - Parameter bytes: of a range, about.
    static func all(_ source: CorpusListing.Source, dividedInto bytes: Int?) -> [FileRange] {
        source.files.indices.flatMap { index -> [FileRange] in
            let file = source.files[index]
            guard let bytes, SamplingPlan.canSeek(file), file.size > Int64(bytes) else {
                return [FileRange(file: index)]
            }
            let count = (file.size + Int64(bytes) - 1) / Int64(bytes)
            return (0..<count).map { part in
                FileRange(
                    file: index, start: part * Int64(bytes), end: part == count - 1 ? .max : (part + 1) * Int64(bytes))
            }
        }
    }

    /// Files that are large enough to be divided and cannot be.
    static func undivided(_ source: CorpusListing.Source, bytes: Int) -> [CorpusFile] {
        source.files.filter { SamplingPlan.estimatedBytes($0) > Int64(bytes) && !SamplingPlan.canSeek($0) }
    }
}

extension DocumentReader {
    static func undividedWarning(_ file: CorpusFile) -> CorpusWarning {
        CorpusWarning(
            .undividedFile, path: file.path,
            "it is read from front to back in every epoch in spite of corpus.shuffle_within_files, because it is compressed, "
                + "one array or one document; decompress it, or make it lines")
    }

    /// Bytes before a range in which the blank line before its first document lies, unless that is indented farther.
    private static let lookback: Int64 = 4096

    /// A reader of the documents that begin in a range.
    ///
    /// Every document of a file begins in exactly one of its ranges. A file that turns out to be compressed, or to be one
    /// JSON array, is read as a whole in its first range.
    ///
    /// - Parameter position: where the range was left; at offset 0 it has not been begun.
    static func open(
        _ range: FileRange, of file: CorpusFile, at position: FilePosition, rules: ReadingRules,
        cancellation: Cancellation?
    ) throws -> DocumentReader? {
        guard range != FileRange(file: range.file) else {
            return try DocumentReader(file, at: position, rules: rules, cancellation: cancellation)
        }
        var start = position
        let isBegun = position.offset > 0 || range.start == 0
        if !isBegun { start.offset = max(0, range.start - (file.isJSONLines ? 1 : lookback)) }
        let reader = try DocumentReader(file, at: start, rules: rules, cancellation: cancellation)
        guard try reader.isDivisible() else {
            if range.start > 0 { return nil }
            if position.offset == 0 { reader.report.add(undividedWarning(file)) }
            return reader
        }
        reader.rangeEnd = range.end
        if range.start > 0 { reader.knowsLines = false }
        if !isBegun, try !reader.moveToDocument(from: range.start) { return nil }
        return reader
    }

    /// Moves to the first document that begins at a place or behind it.
    ///
    /// - Returns: false if there is none in the range.
    private func moveToDocument(from start: Int64) throws -> Bool {
        // A document may begin with the file, where no separator precedes it.
        if position.offset > 0 {
            let limit = min(rangeEnd, file.size) - position.offset
            guard try alignToDocument(limit: Int(limit)) else { return false }
        }
        while !file.isJSONLines {
            if position.piece == 0 {
                try skipSpace()
                if buffer.offset >= start { break }
            }
            guard try next() != nil else { return false }
            // It is counted in the range in which it begins.
            tally = RowTally()
            report = CorpusReport()
            emptyDocuments = 0
            invalidSequences = 0
        }
        return true
    }

    private func isDivisible() throws -> Bool {
        if isCompressed || position.isInArray { return false }
        return try !isArray()
    }
}
