import Glibc

/// Where in a file the next piece of a document begins.
public struct FilePosition: Codable, Equatable, Sendable {
    /// Byte in the decompressed content: of the piece in text files, of the line in JSON lines files.
    public var offset: Int64 = 0
    /// Pieces of the document that come before; 0 at the start of a document.
    public var piece = 0
    /// Lines of a JSON lines file that come before.
    public var line = 0
    /// Which side the document that is continued is on; meaningful if `piece` is above 0.
    public var isHeldOut = false
    /// Whether this is between two elements of a JSON array instead of two lines.
    public var isInArray = false

    public init() {}

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        offset = try values.decode(Int64.self, forKey: .offset)
        piece = try values.decode(Int.self, forKey: .piece)
        line = try values.decode(Int.self, forKey: .line)
        isHeldOut = try values.decode(Bool.self, forKey: .isHeldOut)
        // Positions that were saved before arrays were read have none.
        isInArray = try values.decodeIfPresent(Bool.self, forKey: .isInArray) ?? false
    }
}

/// How documents are read from files; the settings that all sources share.
package struct ReadingRules: Sendable {
    var split: HeldOutSplit
    var heldOutUnit: HeldOutUnit
    var maximumPieceBytes: Int
    var maximumLineBytes: Int
    var strict: Bool
    var skipsDamage: Bool
    var maximumSkippedFraction: Double
    /// Counts the memory of buffers.
    package var gauge = MemoryGauge()

    package init(_ configuration: CorpusConfiguration) {
        split = HeldOutSplit(fraction: configuration.heldOut, testFraction: configuration.test)
        heldOutUnit = configuration.heldOutUnit
        maximumPieceBytes = configuration.maximumDocumentBytes
        maximumLineBytes = configuration.maximumLineBytes
        strict = configuration.strict
        skipsDamage = configuration.damagedFiles == .skip
        maximumSkippedFraction = configuration.maximumSkippedFraction
    }
}

/// Reads the documents of one file, in order, as pieces of bounded size.
///
/// Memory is bounded by `maximumPieceBytes` for text and `maximumLineBytes` for JSON lines, whatever the file holds.
/// A reader that starts at a position that another one reached gives exactly the pieces that follow there.
package final class DocumentReader {
    let file: CorpusFile
    let rules: ReadingRules
    let buffer: StreamBuffer
    /// Where the next piece begins.
    package internal(set) var position: FilePosition
    package internal(set) var report = CorpusReport()
    /// Rows read, those of files that came before included if the owner says so.
    var tally = RowTally()
    /// Whether `position.line` counts from the start of the file.
    var knowsLines = true
    /// Documents that begin here or behind are not read.
    var rangeEnd = Int64.max
    /// Documents without text, which are passed over.
    var emptyDocuments = 0
    /// Ill-formed sequences that were replaced.
    var invalidSequences = 0
    /// Those of the current piece.
    var replacedInPiece = 0
    private let stream: FileStream
    private var isChangeNoted = false
    private var isEndChecked = false
    /// Text of the current piece if it differs from the bytes in the file.
    var scratch: [UInt8] = []
    /// Text of the JSON line that is being cut into pieces, and how much of it is done.
    var lineText: [UInt8] = []
    var lineTextStart = 0
    var lineBytes = 0
    private var isHeldOut = false
    private var isTest = false

    /// - Throws: `CorpusError`; with `skipsDamage` a file that cannot be used reads as an empty one.
    package convenience init(
        _ file: CorpusFile, at position: FilePosition = FilePosition(), rules: ReadingRules
    ) throws {
        try self.init(file, at: position, rules: rules, cancellation: nil)
    }

    init(_ file: CorpusFile, at position: FilePosition, rules: ReadingRules, cancellation: Cancellation?) throws {
        self.file = file
        self.rules = rules
        self.position = position
        isHeldOut = position.isHeldOut
        let capacity = file.isJSONLines ? 1 << 20 : 2 * rules.maximumPieceBytes
        do {
            stream = try FileStream(file, cancellation: cancellation)
            if let change = stream.changeSinceListing() {
                report.add(
                    try Self.warning(for: .changedWhileRead(path: file.path, change: change), rules: rules))
                isChangeNoted = true
            }
            try stream.skip(to: position.offset)
            buffer = StreamBuffer(stream, capacity: capacity, gauge: rules.gauge)
        } catch let error as CorpusError {
            report.add(try Self.warning(for: error, rules: rules))
            throw Unusable(report: report)
        }
        // Damage from here on leaves what was read before it, so that it does not matter where reading began.
        try fill(beyond: 4096)
        guard position.offset == 0 else { return }
        if buffer.count == 0 && report.isEmpty {
            report.add(CorpusWarning(.emptyFile, path: file.path, "there is nothing in it"))
        }
        do {
            try checkStart()
        } catch let error as CorpusError {
            report.add(try Self.warning(for: error, rules: rules))
            throw Unusable(report: report)
        }
    }

    /// Thrown by `init` where the damage may be skipped; holds the warning.
    package struct Unusable: Error {
        package var report: CorpusReport
    }

    /// A piece of a document; the text is valid until the next call of `next`.
    package struct Piece {
        package var text: UnsafeRawBufferPointer
        /// 0 for the first piece of a document.
        package var index: Int
        package var isHeldOut: Bool
        /// Whether it is of the test's share of what is held out; known to readers that began at the document's start.
        package var isTest: Bool
        /// Whether it is the first of what is held out as a whole, or not.
        package var beginsUnit: Bool
    }

    /// Thrown by `next` when the tally has come to more unusable rows than the rules allow.
    package struct TooMuchSkipped: Error {}

    /// The next piece, or nil at the end of the file.
    ///
    /// - Throws: `CorpusError`, `TooMuchSkipped`.
    package func next() throws -> Piece? {
        while true {
            let index = position.piece
            let start = position
            replacedInPiece = 0
            guard let text = try file.isJSONLines ? nextLinePiece() : nextTextPiece() else { return nil }
            let isUnit = index == 0 || rules.heldOutUnit == .piece
            if isUnit {
                let side = rules.split.side(of: text)
                isHeldOut = side != .training
                isTest = side == .test
            }
            position.isHeldOut = position.piece > 0 && isHeldOut
            if index == 0 && position.piece > 0 {
                remark(.dividedDocument, at: start, "longer than corpus.maximum_document_bytes; cut into pieces")
            }
            tally.rows += 1
            // Binary data, which has been told of, or white space in a long document; documents without text do not come here.
            if text.isEmpty { continue }
            if replacedInPiece * Self.spoiledShare > text.count { try countUnusable() }
            return Piece(text: text, index: index, isHeldOut: isHeldOut, isTest: isTest, beginsUnit: isUnit)
        }
    }

    /// Whether there is nothing left to read.
    var isAtEnd: Bool { buffer.isAtEnd && buffer.count == 0 }

    /// A document with an invalid sequence in as many bytes, or fewer, is of another encoding, not slightly damaged.
    private static let spoiledShare = 100

    /// Counts a row, which is in the tally, as unusable.
    func countUnusable() throws {
        tally.unusable += 1
        if tally.exceeds(rules.maximumSkippedFraction, minimum: RowTally.sensibleRows) { throw TooMuchSkipped() }
    }

    func noteEmpty(at start: FilePosition) {
        emptyDocuments += 1
        remark(.emptyDocument, at: start, "a document without text; passed over")
    }

    private func remark(_ kind: CorpusWarning.Kind, at start: FilePosition, _ message: String) {
        report.add(
            file.isJSONLines && knowsLines
                ? CorpusWarning(kind, path: file.path, line: start.line + 1, message)
                : CorpusWarning(kind, path: file.path, offset: start.offset, message))
    }

    /// Moves to the start of a document after the one, or part of one, at the current position.
    ///
    /// - Returns: false if no document starts within the next `limit` bytes.
    func alignToDocument(limit: Int) throws -> Bool {
        var passed = 0
        knowsLines = false
        while passed <= limit {
            try fill(beyond: 1 << 16)
            let bytes = buffer.bytes
            if bytes.isEmpty { return false }
            if let end = documentBoundary(bytes) {
                buffer.consume(end)
                position.offset = buffer.offset
                return true
            }
            // The last bytes stay, because a boundary may lie across the end of the buffer.
            let step = max(1, bytes.count - (file.isJSONLines ? 0 : 4096))
            buffer.consume(step)
            passed += step
        }
        return false
    }

    private func documentBoundary(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var position = 0
        while let newline = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) {
            position = newline + 1
            if file.isJSONLines || file.separator == .line { return position }
            while position < bytes.count, ASCII.isSpaceWithinLine(bytes[position]) { position += 1 }
            if position < bytes.count, bytes[position] == UInt8(ascii: "\n") { return position + 1 }
        }
        return nil
    }

    /// Reads ahead; damage ends the content early where it may be skipped.
    func fill(beyond count: Int) throws {
        do {
            try buffer.fill(beyond: count)
        } catch let error as CorpusError where error != .stopped {
            // What looks like damage may come from a file that is being rewritten.
            if try noteChange() == false { report.add(try Self.warning(for: error, rules: rules)) }
            buffer.endHere()
        }
        if buffer.isAtEnd && !isEndChecked {
            isEndChecked = true
            try noteChange()
        }
    }

    /// Refuses a file that is no longer what was listed, or notes it once.
    @discardableResult
    private func noteChange() throws -> Bool {
        guard !isChangeNoted, let change = stream.changeSinceListing() else { return false }
        isChangeNoted = true
        report.add(try Self.warning(for: .changedWhileRead(path: file.path, change: change), rules: rules))
        return true
    }

    private static func warning(for error: CorpusError, rules: ReadingRules) throws -> CorpusWarning {
        guard rules.skipsDamage else { throw error }
        return switch error {
        case .unreadable(let path, let reason): CorpusWarning(.unreadable, path: path, "\(reason); skipped")
        case .notText(let path, let reason): CorpusWarning(.notText, path: path, "\(reason); skipped")
        case .beyondLimit(let path, let reason): CorpusWarning(.unreadable, path: path, "\(reason); skipped")
        case .changedWhileRead(let path, let change):
            CorpusWarning(
                .changedFile, path: path, "the file has changed while it was in use: \(change); read as it is")
        case .damagedArchive(let path, let offset, let reason):
            CorpusWarning(.damagedArchive, path: path, offset: offset, "\(reason); the rest is skipped")
        default: throw error
        }
    }

    /// Whether a file of JSON begins like an array of objects.
    private static func startsArray(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.lazy.filter { !ASCII.isSpace($0) }.prefix(2).elementsEqual([UInt8(ascii: "["), UInt8(ascii: "{")])
    }

    var isCompressed: Bool { stream.isCompressed }

    /// The same of an uncompressed file that is read from somewhere in its middle.
    func isArray() throws -> Bool {
        var start = try stream.beginning()[...]
        if start.starts(with: [0xEF, 0xBB, 0xBF]) { start = start.dropFirst(3) }
        return file.isJSONLines && start.withUnsafeBytes(Self.startsArray)
    }

    /// Refuses what is not UTF-8 text, and drops a byte order mark.
    private func checkStart() throws {
        let bytes = buffer.bytes
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw CorpusError.notText(path: file.path, reason: "it starts with a UTF-16 byte order mark")
        }
        let start = UnsafeRawBufferPointer(rebasing: bytes.prefix(4096))
        if let reason = BinaryContent.reason(start) {
            throw CorpusError.notText(path: file.path, reason: "\(reason) at its beginning")
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            buffer.consume(3)
            position.offset = 3
        }
        if file.isJSONLines, Self.startsArray(buffer.bytes),
            let bracket = buffer.bytes.firstIndex(of: UInt8(ascii: "["))
        {
            pass(bracket + 1)
            position.isInArray = true
        }
    }

    /// Refuses a piece that is not text, or notes that it is passed over.
    ///
    /// - Parameter firstInvalid: where its first byte is that is not UTF-8.
    /// - Returns: whether it is text.
    func checkIsText(_ bytes: UnsafeRawBufferPointer, firstInvalid: Int?, at offset: Int64) throws -> Bool {
        guard bytes.count >= BinaryContent.minimumBytes, let start = bytes.baseAddress,
            firstInvalid != nil || memchr(start, 0, bytes.count) != nil,
            let reason = BinaryContent.reason(bytes)
        else { return true }
        report.add(
            try Self.warning(for: .notText(path: file.path, reason: "\(reason) at byte \(offset)"), rules: rules))
        return false
    }
}
