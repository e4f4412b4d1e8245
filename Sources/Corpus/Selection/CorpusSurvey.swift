import Foundation

/// What a corpus is like, found in one pass over it or over its beginning: how many documents of what size, what would be
/// held out, what occurs twice, in which scripts and which form of Unicode it is written.
public struct CorpusSurvey: Sendable, Encodable {
    /// One source.
    public struct Source: Sendable, Encodable {
        public var path: String
        public var files: Int
        /// Bytes of all its files, compressed or not.
        public var fileBytes: Int64
        /// Bytes of text that were looked at.
        public var textBytes: Int64
        /// Whether that is all of it.
        public var isComplete: Bool
        public var documents: Int
        public var heldOutDocuments: Int
        public var heldOutBytes: Int64
        /// Those that are kept for a last test.
        public var testDocuments: Int
        public var testBytes: Int64
        /// Half of the documents have at most as many bytes, to within a quarter.
        public var medianDocumentBytes: Int
        public var longestDocumentBytes: Int
        /// Lines of text that are not empty.
        public var lines: Int
        /// Documents that are the same as one before, in this source or in one before it.
        public var duplicates: Int
    }

    public var sources: [Source]
    /// Share of the held-out lines of at least 40 bytes that occur in training documents too, estimated from a sixteenth of
    /// them; nil where nothing is held out.
    public var heldOutLinesInTraining: Double?
    /// Share of the letters of each script, largest first, over the text that was looked at closely.
    public var scripts: [ScriptShare]
    public var unicodeForm: UnicodeForm
    /// What was skipped, replaced or cut.
    public var skipped: [CorpusReport.Entry]

    /// - Parameters:
    ///   - byteLimit: decompressed bytes of each source to read at most.
    ///   - progress: called at every document with the share done; what it throws ends the survey.
    /// - Throws: what reading throws.
    public init(
        _ listing: CorpusListing, byteLimit: Int64 = .max, progress: (Double) throws -> Void = { _ in }
    ) throws {
        var rules = ReadingRules(listing.configuration)
        // All of it is to be counted, whatever it is.
        rules.maximumSkippedFraction = 1
        var report = listing.report
        var text = TextSurvey()
        var lines = LineOverlap()
        sources = []
        var seen: Set<UInt64> = []
        let expected = listing.sources.map { Double(min(SamplingPlan.estimatedBytes($0), byteLimit)) }
        let total = max(1, expected.reduce(0, +))
        var done = 0.0
        for (index, listed) in listing.sources.enumerated() {
            let scan = DocumentScan(listed, index: index, rules: rules, byteLimit: byteLimit)
            var source = Source(
                path: listed.configuration.path, files: listed.files.count, fileBytes: listed.bytes, textBytes: 0,
                isComplete: true, documents: 0, heldOutDocuments: 0, heldOutBytes: 0, testDocuments: 0,
                testBytes: 0, medianDocumentBytes: 0,
                longestDocumentBytes: 0, lines: 0, duplicates: 0)
            var sizes = SizeHistogram()
            var size = 0
            let share = expected[index] / total
            while let piece = try scan.next(where: { _ in true }) {
                if piece.beginsUnit {
                    if size > 0 { sizes.add(size) }
                    size = 0
                    source.documents += 1
                    source.heldOutDocuments += piece.isHeldOut && !piece.isTest ? 1 : 0
                    source.testDocuments += piece.isTest ? 1 : 0
                    if !seen.insert(XXHash64.hash(piece.text, seed: 0)).inserted { source.duplicates += 1 }
                    let part = Double(scan.totalScannedBytes) / max(1, expected[index])
                    try progress(min(1, done + share * min(1, part)))
                }
                size += piece.text.count
                source.textBytes += Int64(piece.text.count)
                if piece.isTest {
                    source.testBytes += Int64(piece.text.count)
                } else if piece.isHeldOut {
                    source.heldOutBytes += Int64(piece.text.count)
                }
                source.lines += lines.add(piece.text, isHeldOut: piece.isHeldOut)
                text.add(piece.text)
            }
            if size > 0 { sizes.add(size) }
            source.medianDocumentBytes = sizes.median
            source.longestDocumentBytes = sizes.longest
            source.isComplete = scan.hasReadAll
            report.add(scan.totalReport)
            sources.append(source)
            done += share
            try progress(min(1, done))
        }
        heldOutLinesInTraining = lines.share
        scripts = text.scripts
        unicodeForm = text.form
        skipped = report.entries
    }

    public var documents: Int { sources.reduce(0) { $0 + $1.documents } }
    public var textBytes: Int64 { sources.reduce(0) { $0 + $1.textBytes } }
    public var heldOutDocuments: Int { sources.reduce(0) { $0 + $1.heldOutDocuments } }

    /// What looks wrong, and the setting that mends it.
    public func advice(_ configuration: CorpusConfiguration) -> [String] {
        var advice: [String] = []
        for (source, settings) in zip(sources, configuration.sources) {
            let linesPerDocument = source.lines / max(1, source.documents)
            if source.documents > 0, source.documents < 50, linesPerDocument > 500, settings.documentSeparator != .line
            {
                advice.append(
                    "\(source.path): \(source.documents) document\(source.documents == 1 ? "" : "s") with about "
                        + "\(linesPerDocument) lines each: if each line is a document, set document_separator: line; if "
                        + "they are books, corpus.held_out_unit: piece holds out parts of them")
            }
            if source.documents > 20, source.duplicates * 20 > source.documents {
                advice.append(
                    "\(source.path): \(source.duplicates) of \(source.documents) documents occurred before; remove them"
                )
            }
        }
        if configuration.heldOut > 0, heldOutDocuments == 0, documents > 0 {
            advice.append(
                "nothing is held out: raise corpus.held_out, or set corpus.held_out_unit: piece for long documents")
        }
        if let share = heldOutLinesInTraining, share > 0.05 {
            advice.append(
                String(
                    format:
                        "%.0f %% of the held-out lines occur in training documents too, so that held-out losses look "
                        + "better than they are; documents may be parts of larger ones (document_separator: file)",
                    100 * share))
        }
        if unicodeForm == .mixed {
            advice.append(
                "accented letters are written both as one character and as letter and mark; bring the text to one form "
                    + "(uconv -x nfc), and what the model reads later too")
        }
        return advice
    }
}

/// Sizes in steps of a quarter of a power of two.
private struct SizeHistogram {
    private var counts: [Int: Int] = [:]
    private(set) var longest = 0

    mutating func add(_ size: Int) {
        counts[Int((log2(Double(size)) * 4).rounded()), default: 0] += 1
        longest = max(longest, size)
    }

    var median: Int {
        let half = (counts.values.reduce(0, +) + 1) / 2
        var seen = 0
        for (step, count) in counts.sorted(by: { $0.key < $1.key }) {
            seen += count
            if seen >= half { return min(longest, Int(exp2(Double(step) / 4).rounded())) }
        }
        return 0
    }
}

/// Which lines stand on both sides of the split: of a sixteenth of all, chosen by their hash.
private struct LineOverlap {
    private static let shortest = 40
    private var training: Set<UInt64> = []
    private var heldOut: Set<UInt64> = []

    /// - Returns: lines that are not empty.
    mutating func add(_ text: UnsafeRawBufferPointer, isHeldOut: Bool) -> Int {
        var count = 0
        for line in text.split(separator: UInt8(ascii: "\n")) {
            count += 1
            guard line.count >= Self.shortest else { continue }
            let hash = XXHash64.hash(UnsafeRawBufferPointer(rebasing: line), seed: 1)
            guard hash & 15 == 0 else { continue }
            if isHeldOut { heldOut.insert(hash) } else { training.insert(hash) }
        }
        return count
    }

    var share: Double? {
        heldOut.isEmpty ? nil : Double(heldOut.intersection(training).count) / Double(heldOut.count)
    }
}
