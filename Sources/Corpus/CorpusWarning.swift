/// Something about the corpus that a user should know but that does not end the run.
public struct CorpusWarning: Sendable, Equatable, Codable, CustomStringConvertible {
    public enum Kind: String, Sendable, Codable, CaseIterable {
        case invalidUTF8 = "invalid_utf8"
        case malformedLine = "malformed_line"
        case missingField = "missing_field"
        case overlongLine = "overlong_line"
        case emptyDocument = "empty_document"
        case dividedDocument = "divided_document"
        case unknownToken = "unknown_token"
        case emptyFile = "empty_file"
        case damagedArchive = "damaged_archive"
        case unreadable = "unreadable"
        case notText = "not_text"
        case changedFile = "changed_file"
        case notAFile = "not_a_file"
        case otherFile = "other_file"
        case symbolicLinkLoop = "symbolic_link_loop"
        case repeatedFolder = "repeated_folder"
        case undividedFile = "undivided_file"
        case smallerThanBatch = "smaller_than_batch"

        /// What clean text may have too: it belongs to the totals, but is no reason to interrupt anyone.
        public var isRemark: Bool { self == .emptyDocument || self == .dividedDocument || self == .unknownToken }
    }

    public var kind: Kind
    /// File or folder, as it was reached.
    public var path: String
    /// Line (from 1) of a JSON lines file.
    public var line: Int?
    /// Byte in the decompressed file (from 0).
    public var offset: Int64?
    /// What was found, and what was done about it.
    public var message: String

    public init(_ kind: Kind, path: String, line: Int? = nil, offset: Int64? = nil, _ message: String) {
        self.kind = kind
        self.path = path
        self.line = line
        self.offset = offset
        self.message = message
    }

    public var description: String {
        var place = path
        if let line { place += ":\(line)" }
        if let offset { place += " at byte \(offset)" }
        return SystemPath.shown("\(place): \(message)")
    }
}
