/// One file of a source, with what is needed to read and to recognise it.
public struct CorpusFile: Sendable, Equatable {
    /// Path to open it by.
    public var path: String
    /// Path below the source's folder (or the fixed part of its glob), which stays the same if the corpus moves.
    public var relativePath: String
    /// Bytes in the file, compressed or not.
    public var size: Int64
    /// Time of the last change, in nanoseconds since 1970.
    public var modificationTime: Int64
    /// JSON lines rather than text.
    public var isJSONLines: Bool
    /// What separates documents, of text.
    public var separator: DocumentSeparator
    /// UTF-8 of the member that holds the document, of JSON lines.
    public var textField: [UInt8]
}

/// What file names say about their content.
enum FileName {
    private static let textExtensions = [".txt", ".text"]
    private static let lineExtensions = [".jsonl", ".ndjson"]
    private static let compressionExtensions = [".gz", ".zst", ".lz4"]

    /// Whether a file found in a folder belongs to the corpus. `.json` holds JSON lines in some corpora and one large
    /// object in others, so it does only where the format is given.
    static func isKnown(_ name: String, format: CorpusFormat) -> Bool {
        let name = uncompressed(name)
        let isText = textExtensions.contains(where: name.hasSuffix)
        let isLines = lineExtensions.contains(where: name.hasSuffix)
        return switch format {
        case .auto: isText || isLines
        case .text: isText
        case .jsonl: isLines || name.hasSuffix(".json")
        }
    }

    static func isJSONLines(_ name: String, format: CorpusFormat) -> Bool {
        let name = uncompressed(name)
        return switch format {
        case .auto: (lineExtensions + [".json"]).contains(where: name.hasSuffix)
        case .text: false
        case .jsonl: true
        }
    }

    /// What a name ends in, as `.csv.gz`, to sum up files by.
    static func ending(_ path: String) -> String {
        let name = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
        let compression = compressionEnding(name) ?? ""
        guard let dot = name.dropLast(compression.count).lastIndex(of: ".") else {
            return compression.isEmpty ? "without an ending" : compression
        }
        return String(name[dot...])
    }

    /// `.gz`, `.zst` or `.lz4` if the name ends so.
    static func compressionEnding(_ name: String) -> String? {
        let name = name.lowercased()
        return compressionExtensions.first(where: name.hasSuffix)
    }

    private static func uncompressed(_ name: String) -> String {
        let name = name.lowercased()
        guard let found = compressionEnding(name) else { return name }
        return String(name.dropLast(found.count))
    }
}
