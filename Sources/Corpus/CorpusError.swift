/// Why a corpus cannot be used, or cannot be used any further.
public enum CorpusError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The configuration lists no source.
    case noSources
    /// A source's path does not exist or a glob matches nothing.
    case nothingFound(source: Int, path: String, reason: String)
    /// A source's folder or glob was found, but holds no file of a known kind.
    case noUsableFiles(source: Int, path: String, reason: String)
    /// A file could not be opened or read.
    case unreadable(path: String, reason: String)
    /// A compressed file ends too early or does not decompress.
    case damagedArchive(path: String, offset: Int64, reason: String)
    /// A file is not UTF-8 text: UTF-16, binary, or compressed in a way that is not supported.
    case notText(path: String, reason: String)
    /// `strict`: bytes that are not UTF-8. `offset` counts in the decompressed file.
    case invalidUTF8(path: String, offset: Int64)
    /// `strict`: a line that is not a JSON object with a string member of the configured name.
    case badLine(path: String, line: Int, reason: String)
    /// `strict`: something about a folder or file that is otherwise a warning.
    case rejected(CorpusWarning)
    /// A file cannot be decompressed here, though nothing is wrong with it.
    case beyondLimit(path: String, reason: String)
    /// There is no memory for a window of documents.
    case outOfMemory(bytes: Int)
    /// More of a source cannot be used than `maximum_skipped_fraction` allows.
    case tooMuchSkipped(
        source: Int, path: String, rows: Int, unusable: Int, allowed: Double, warnings: [String])
    /// A file is not what it was when the corpus was listed.
    case changedWhileRead(path: String, change: String)
    /// A source went through all of its files without one training document.
    case noTrainingDocuments(source: Int, path: String, heldOut: Int, empty: Int, warnings: [String])
    /// The held-out share is empty.
    case noHeldOutDocuments(setting: String, fraction: Double, scannedDocuments: Int, scannedBytes: Int64)
    /// A file differs from the one that the run started with.
    case fileChanged(path: String, change: String)
    /// A saved state does not fit the configuration that it is resumed with.
    case stateMismatch(setting: String, saved: String, current: String)
    /// A saved state is damaged: its positions do not exist in the corpus.
    case invalidState(String)
    /// `stop()` was called.
    case stopped

    public var description: String { SystemPath.shown(text) }

    private var text: String {
        switch self {
        case .noSources:
            "corpus.sources is empty: name at least one file, folder or glob"
        case .nothingFound(let source, let path, let reason):
            "corpus.sources[\(source)]: \(path): \(reason)"
        case .noUsableFiles(let source, let path, let reason):
            "corpus.sources[\(source)]: \(path) holds nothing to read: \(reason)"
        case .unreadable(let path, let reason):
            "\(path) cannot be read: \(reason); correct it, leave it out, or set corpus.damaged_files to skip"
        case .damagedArchive(let path, let offset, let reason):
            "\(path) is damaged after \(offset) decompressed bytes: \(reason); "
                + "fetch it again, or set corpus.damaged_files to skip to use what can be read"
        case .notText(let path, let reason):
            "\(path) is not UTF-8 text: \(reason); convert it, leave it out, or set corpus.damaged_files to skip"
        case .invalidUTF8(let path, let offset):
            "\(path): invalid UTF-8 at byte \(offset); correct it, or set corpus.strict to false to replace such bytes"
        case .badLine(let path, let line, let reason):
            "\(path):\(line): \(reason); correct it, or set corpus.strict to false to skip such lines"
        case .rejected(let warning):
            "\(warning); correct it, or set corpus.strict to false"
        case .beyondLimit(let path, let reason):
            "\(path) cannot be decompressed here, though it is not damaged: \(reason)"
        case .outOfMemory(let bytes):
            "\(bytes >> 20) MiB for documents that are shuffled together could not be had; lower corpus.shuffle_bytes"
        case .tooMuchSkipped(let source, let path, let rows, let unusable, let allowed, let warnings):
            "corpus.sources[\(source)]: \(path): \(unusable) of \(rows) rows cannot be used, more than "
                + "corpus.maximum_skipped_fraction (\(allowed)) allows (\(warnings.joined(separator: "; "))); "
                + "correct them or how they are read, or raise that setting"
        case .changedWhileRead(let path, let change):
            "\(path) has changed while it was in use: \(change), so that what was read would not come again; start "
                + "anew with files that stay as they are, or set corpus.damaged_files to skip to go on with what is there"
        case .noTrainingDocuments(let source, let path, let heldOut, let empty, let warnings):
            "corpus.sources[\(source)]: \(path) gave no training document ("
                + (["\(heldOut) held out", "\(empty) empty"] + warnings).joined(separator: "; ")
                + "); "
                + (heldOut == 0
                    ? "add text" : heldOut < Self.few ? Self.advice(heldOut) : "add text or lower corpus.held_out")
        case .noHeldOutDocuments(let setting, let fraction, _, _) where fraction == 0:
            "corpus.\(setting) is 0, so there is nothing to evaluate on: raise it before a run begins; for one that has begun name other text "
                + "(--corpus)"
        case .noHeldOutDocuments(_, let fraction, let documents, let bytes) where fraction == 1:
            "none of \(documents) documents (\(bytes) bytes) has text to evaluate on"
        case .noHeldOutDocuments(let setting, let fraction, let documents, let bytes):
            "\(setting) \(fraction) of \(documents) documents (\(bytes) bytes) gave none: "
                + (documents < Self.few ? Self.advice(documents) : "raise corpus.\(setting)")
                + "; for a run that has begun name other text (--corpus)"
        case .fileChanged(let path, let change):
            """
            the corpus has changed since the run started: \(path): \(change)
            Restore it; or a run goes on with the text as it is now (run --corpus-changed accept: a new pass over all of it, \
            recorded in the checkpoints), or a new one starts with these weights (run --from CHECKPOINT --output DIR).
            """
        case .stateMismatch(let setting, let saved, let current):
            "corpus.\(setting) is \(current), but the checkpoint was made with \(saved); "
                + "restore the setting, or start a new run"
        case .invalidState(let reason):
            "the loader state in the checkpoint cannot be used: \(reason)"
        case .stopped:
            "the corpus loader was stopped"
        }
    }

    /// Fewer documents cannot be divided by chance: a share of them is all or nothing.
    private static let few = 20

    private static func advice(_ documents: Int) -> String {
        "\(documents) are too few to hold out a share of them; set corpus.held_out_unit to piece and "
            + "corpus.maximum_document_bytes so low that there are many pieces, divide the text into more documents "
            + "(corpus.sources.0.document_separator), or set corpus.held_out to 0"
    }
}
