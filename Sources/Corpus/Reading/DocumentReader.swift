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

    public init() {}
}

/// How documents are read from files; the settings that all sources share.
package struct ReadingRules: Sendable {
    var split: HeldOutSplit
    var maximumPieceBytes: Int
    var maximumLineBytes: Int
    var strict: Bool
    var skipsDamage: Bool
    /// Counts the memory of buffers.
    package var gauge = MemoryGauge()

    package init(_ configuration: CorpusConfiguration) {
        split = HeldOutSplit(fraction: configuration.heldOut)
        maximumPieceBytes = configuration.maximumDocumentBytes
        maximumLineBytes = configuration.maximumLineBytes
        strict = configuration.strict
        skipsDamage = configuration.damagedFiles == .skip
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
    /// Documents without text, which are passed over.
    var emptyDocuments = 0
    /// Ill-formed sequences that were replaced.
    var invalidSequences = 0
    /// Text of the current piece if it differs from the bytes in the file.
    var scratch: [UInt8] = []
    /// Text of the JSON line that is being cut into pieces, and how much of it is done.
    var lineText: [UInt8] = []
    var lineTextStart = 0
    var lineBytes = 0
    private var isHeldOut = false

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
            let stream = try FileStream(path: file.path, cancellation: cancellation)
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
    }

    /// The next piece, or nil at the end of the file.
    package func next() throws -> Piece? {
        while true {
            let index = position.piece
            guard let text = try file.isJSONLines ? nextLinePiece() : nextTextPiece() else { return nil }
            if index == 0 { isHeldOut = rules.split.isHeldOut(text) }
            position.isHeldOut = position.piece > 0 && isHeldOut
            if text.isEmpty {
                if index == 0 { emptyDocuments += 1 }
                continue
            }
            return Piece(text: text, index: index, isHeldOut: isHeldOut)
        }
    }

    /// Moves to the start of a document after the one, or part of one, at the current position.
    ///
    /// - Returns: false if no document starts within the next `limit` bytes.
    func alignToDocument(limit: Int) throws -> Bool {
        var passed = 0
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
            if file.isJSONLines { return position }
            while position < bytes.count, ASCII.isSpaceWithinLine(bytes[position]) { position += 1 }
            if position < bytes.count, bytes[position] == UInt8(ascii: "\n") { return position + 1 }
        }
        return nil
    }

    /// Reads ahead; damage ends the content early where it may be skipped.
    func fill(beyond count: Int) throws {
        do {
            try buffer.fill(beyond: count)
        } catch let error as CorpusError {
            report.add(try Self.warning(for: error, rules: rules))
            buffer.endHere()
        }
    }

    private static func warning(for error: CorpusError, rules: ReadingRules) throws -> CorpusWarning {
        guard rules.skipsDamage else { throw error }
        return switch error {
        case .unreadable(let path, let reason): CorpusWarning(.unreadable, path: path, "\(reason); skipped")
        case .notText(let path, let reason): CorpusWarning(.notText, path: path, "\(reason); skipped")
        case .damagedArchive(let path, let offset, let reason):
            CorpusWarning(.damagedArchive, path: path, offset: offset, "\(reason); the rest is skipped")
        default: throw error
        }
    }

    /// Refuses what is not UTF-8 text, and drops a byte order mark.
    private func checkStart() throws {
        let bytes = buffer.bytes
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw CorpusError.notText(path: file.path, reason: "it starts with a UTF-16 byte order mark")
        }
        let start = bytes.prefix(4096)
        let nulls = start.count { $0 == 0 }
        if nulls * 16 > start.count {
            throw CorpusError.notText(
                path: file.path, reason: "\(nulls) of its first \(start.count) bytes are 0, as in UTF-16 or binary data"
            )
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            buffer.consume(3)
            position.offset = 3
        }
    }
}

/// The white space that separates lines and words of a text file.
enum ASCII {
    /// Space, tab, vertical tab, form feed, carriage return.
    @inline(__always)
    static func isSpaceWithinLine(_ byte: UInt8) -> Bool {
        byte == 0x20 || (byte >= 0x09 && byte <= 0x0D && byte != 0x0A)
    }

    @inline(__always)
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }

    /// The bytes without white space at their ends.
    static func trimmed(_ bytes: UnsafeRawBufferPointer, start trimsStart: Bool = true) -> UnsafeRawBufferPointer {
        var start = 0
        var end = bytes.count
        while end > start && isSpace(bytes[end - 1]) { end -= 1 }
        while trimsStart && start < end && isSpace(bytes[start]) { start += 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }
}
