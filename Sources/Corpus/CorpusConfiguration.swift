import Configuration

/// How a file is divided into documents.
public enum CorpusFormat: String, CaseIterable, Codable, Sendable {
    /// By the file's name: `.jsonl`, `.ndjson` and `.json` are JSON lines, everything else is text.
    case auto
    /// UTF-8 text; `document_separator` says where a document ends.
    case text
    /// One JSON object per line, or an array of such objects, the document in its string member `text_field`.
    case jsonl
}

/// What separates two documents of a text file.
public enum DocumentSeparator: String, CaseIterable, Codable, Sendable {
    /// A line that is empty or holds only white space.
    case blankLine = "blank_line"
    /// The end of a line: every line that is not empty is a document.
    case line
    /// Only the end of the file: every file is one document.
    case file
}

/// What is held out for evaluation, or not, as a whole.
public enum HeldOutUnit: String, CaseIterable, Codable, Sendable {
    /// A document, however long, so that nothing is evaluated on whose beginning was trained on.
    case document
    /// Each piece of `maximum_document_bytes` of a long document: for corpora of a few long documents.
    case piece
}

/// What to do about a file that cannot be read to its end as text.
public enum DamagedFilePolicy: String, CaseIterable, Codable, Sendable {
    /// Stop with an error that names the file: data that is missing without a word is worse.
    case error
    /// Use what could be read before the damage, and count a warning.
    case skip
}

/// One source of documents: a file, a folder or a glob, and its share of the tokens.
public struct CorpusSource: Configurable, Equatable {
    public var path = ""
    public var weight = 1.0
    public var format = CorpusFormat.auto
    public var documentSeparator = DocumentSeparator.blankLine
    public var textField = "text"

    public init() {}

    public init(
        path: String, weight: Double = 1, format: CorpusFormat = .auto,
        documentSeparator: DocumentSeparator = .blankLine, textField: String = "text"
    ) {
        self.path = path
        self.weight = weight
        self.format = format
        self.documentSeparator = documentSeparator
        self.textField = textField
    }

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.text(
            "path", &path,
            "File, folder (read recursively: .txt, .text, .jsonl, .ndjson, plain or .gz, .zst, .lz4) or glob "
                + "(*, ?, [abc], ** for any depth).")
        try fields.number(
            "weight", &weight, 0...1e9,
            "Share of the tokens that come from this source, relative to the other sources; above 0.")
        try fields.choice(
            "format", &format, "How files are divided into documents; auto goes by the name of each file.")
        try fields.choice(
            "document_separator", &documentSeparator,
            "Where a document of a text file ends: at a blank line, at the end of each line, or only at that of the file."
        )
        try fields.text(
            "text_field", &textField,
            "Member of each JSON line that holds the document's text; data.text is the member text of the object data.")
    }

    public var uses: [SettingUse] {
        [
            SettingUse(
                "document_separator", isRead: format != .jsonl, otherwise: "is for text; format is \(format.rawValue)"),
            SettingUse(
                "text_field", isRead: format != .text, otherwise: "is for JSON lines; format is \(format.rawValue)"),
        ]
    }

    public func validate() throws {
        if path.isEmpty { throw InvalidSetting("path", "is empty; name a file, a folder or a glob") }
        if path.utf8.contains(0) { throw InvalidSetting("path", "contains a NUL character") }
        if !(weight > 0) { throw InvalidSetting("weight", "must be above 0; leave the source out instead") }
        if textField.isEmpty { throw InvalidSetting("text_field", "is empty; name a member of the JSON objects") }
    }
}

/// Where the training text comes from and how it becomes sequences.
///
/// The list of sources may be empty in a configuration, because not every command reads a corpus; what opens the
/// corpus (`CorpusListing`) refuses an empty list.
public struct CorpusConfiguration: Configurable, Equatable {
    public var sources: [CorpusSource] = []
    public var sequenceLength = 128
    public var pairs = false
    public var heldOut = 0.005
    public var test = 0.0
    public var heldOutUnit = HeldOutUnit.document
    public var shuffleDocuments = 16_384
    public var shuffleBytes = 64 << 20
    public var shuffleWithinFiles = false
    public var interleaveDocuments = 64
    public var maximumDocumentBytes = 256 << 10
    public var maximumLineBytes = 64 << 20
    public var strict = false
    public var damagedFiles = DamagedFilePolicy.error
    public var maximumSkippedFraction = 0.05

    /// Shortest sequences that pairs may have.
    public static let shortestWithPairs = 8

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.groups("sources", &sources, "Where the documents come from.")
        try fields.integer(
            "sequence_length", &sequenceLength, 3...1_048_576,
            "Most tokens in a sequence, [CLS] and [SEP] of its segments included.")
        try fields.flag(
            "pairs", &pairs,
            "Train on sentence pairs as ELECTRA's release does: [CLS] A [SEP] B [SEP] with token types 0 and 1, A and B "
                + "consecutive sentences of a document; a tenth of the segments is single, a twentieth has a random length. "
                + "For models that are fine-tuned on pairs; without it token type 1 is not trained, and exported as a copy of "
                + "type 0. Held-out text stays in single segments.")
        try fields.number(
            "held_out", &heldOut, 0...0.5,
            "Share of the documents kept for evaluation, chosen by a hash of the document.")
        try fields.number(
            "test", &test, 0...0.5,
            "Share of the documents kept for a last test (evaluate --split test, transfer-hp --verify), apart from those "
                + "that are held out, by which settings are chosen; 0: none.")
        try fields.choice(
            "held_out_unit", &heldOutUnit,
            "What is held out as a whole: a document, or each piece of maximum_document_bytes of a long one, for corpora "
                + "of a few long documents.")
        try fields.integer(
            "shuffle_documents", &shuffleDocuments, 1...10_000_000,
            "Documents that are shuffled together, for each source.")
        try fields.integer(
            "shuffle_bytes", &shuffleBytes, 65_536...(64 << 30),
            "Bytes of text that are shuffled together, all sources taken together; twice this is held in memory.")
        try fields.flag(
            "shuffle_within_files", &shuffleWithinFiles,
            "Read large uncompressed files in ranges of shuffle_bytes whose order changes with every epoch, instead of from "
                + "front to back: for files that are sorted.")
        try fields.integer(
            "interleave_documents", &interleaveDocuments, 1...4096,
            "Documents of a source that are read side by side, so that the sequences of a long document are "
                + "spread over many batches.")
        try fields.integer(
            "maximum_document_bytes", &maximumDocumentBytes, 1024...(64 << 20),
            "A longer document is cut into pieces of at most this many bytes, between words where possible.")
        try fields.integer(
            "maximum_line_bytes", &maximumLineBytes, 1024...(1 << 30),
            "A longer line of a JSON lines file is skipped and counted (or an error if strict).")
        try fields.flag(
            "strict", &strict,
            "Make invalid UTF-8, malformed JSON lines and unusable files errors instead of counted warnings.")
        try fields.choice(
            "damaged_files", &damagedFiles,
            "What to do about truncated archives, unreadable and binary files, and files that change while they are "
                + "read: stop with an error, or skip the "
                + "damaged part with a counted warning.")
        try fields.number(
            "maximum_skipped_fraction", &maximumSkippedFraction, 0...1,
            "Share of a source's rows that may be skipped or be full of invalid UTF-8; more is an error, after "
                + "\(RowTally.sensibleRows) rows or at the end of an epoch.")
    }

    /// What decides which documents there are and which of them are held out: each key, and whether it is another one.
    package func otherwiseDivided(than other: Self) -> [(key: String, isOther: Bool)] {
        func forms(_ sources: [CorpusSource]) -> [String] {
            sources.map { "\($0.format) \($0.documentSeparator) \($0.textField)" }
        }
        return [
            ("held_out", heldOut != other.heldOut), ("test", test != other.test),
            ("held_out_unit", heldOutUnit != other.heldOutUnit),
            ("maximum_document_bytes", maximumDocumentBytes != other.maximumDocumentBytes),
            ("sources", forms(sources) != forms(other.sources)),
        ]
    }

    public func validate() throws {
        for (index, source) in sources.enumerated() {
            do {
                try source.validate()
            } catch let problem as InvalidSetting {
                // The form in which the reader of configurations names it too, so that it is said once.
                throw InvalidSetting("sources.\(index).\(problem.key)", problem.problem)
            }
        }
        if pairs, sequenceLength < Self.shortestWithPairs {
            throw InvalidSetting(
                "sequence_length",
                "\(sequenceLength) has no room for pairs; raise it to \(Self.shortestWithPairs) at least, or set "
                    + "pairs: false")
        }
        if heldOut + test > 0.5 {
            throw InvalidSetting(
                "test", "\(test) and held_out \(heldOut) together are more than half of the corpus; lower them")
        }
        if maximumDocumentBytes > shuffleBytes {
            throw InvalidSetting(
                "maximum_document_bytes",
                "(\(maximumDocumentBytes)) is above shuffle_bytes (\(shuffleBytes)); lower it or raise shuffle_bytes")
        }
        if strict && damagedFiles == .skip {
            throw InvalidSetting("damaged_files", "cannot be skip while strict is true; choose one of them")
        }
    }
}
