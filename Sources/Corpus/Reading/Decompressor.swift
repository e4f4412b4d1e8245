/// A streaming decoder of one compression format; concatenated frames decode to the concatenation of their contents.
package protocol Decompressor: AnyObject {
    /// Decodes as much as fits.
    ///
    /// - Returns: bytes taken from `input` and written to `output`; both 0 only if more input is needed.
    /// - Throws: `DecompressionFailure`.
    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws -> (consumed: Int, produced: Int)

    /// Whether the input so far ends where a frame ends, so that it may be the end of the file.
    var isAtFrameEnd: Bool { get }
}

/// What a decompression library says about input that it cannot decode.
package struct DecompressionFailure: Error {
    package var reason: String
    /// Nothing is wrong with the input: it asks for more memory than there is, or for what is not supported.
    package var isLimit = false

    func error(path: String, offset: Int64) -> CorpusError {
        isLimit
            ? .beyondLimit(path: path, reason: reason) : .damagedArchive(path: path, offset: offset, reason: reason)
    }
}

/// How a file is compressed, judged by its first bytes rather than by its name.
package enum Compression: Equatable, Sendable {
    case none
    case gzip
    case zstandard
    case lz4
    /// A format that is recognised but not read.
    case unsupported(String)

    /// Bytes of a file's start that `init` wants to see.
    package static let magicBytes = 8

    /// - Parameters:
    ///   - start: the first bytes of a file.
    ///   - read: reads 8 bytes (or fewer at the end) at an offset, to look behind skippable frames.
    package init(start: [UInt8], read: (Int64) throws -> [UInt8]) rethrows {
        var start = start
        var offset: Int64 = 0
        // Zstandard and LZ4 share their skippable frames; what follows tells which of the two it is.
        for _ in 0..<16 where start.count == 8 && Self.isSkippable(start) {
            let length = start[4..<8].reversed().reduce(Int64(0)) { $0 << 8 | Int64($1) }
            offset += 8 + length
            start = try read(offset)
        }
        switch start {
        case let bytes where bytes.starts(with: [0x1F, 0x8B]): self = .gzip
        case let bytes where bytes.starts(with: [0x28, 0xB5, 0x2F, 0xFD]): self = .zstandard
        case let bytes where bytes.starts(with: [0x04, 0x22, 0x4D, 0x18]): self = .lz4
        case let bytes where bytes.starts(with: [0x02, 0x21, 0x4C, 0x18]): self = .unsupported("legacy LZ4")
        case let bytes where bytes.starts(with: [0x42, 0x5A, 0x68]) && bytes.dropFirst(4).starts(with: [0x31, 0x41]):
            self = .unsupported("bzip2")
        case let bytes where bytes.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]): self = .unsupported("xz")
        case let bytes where bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]): self = .unsupported("zip")
        case let bytes where bytes.starts(with: [0x37, 0x7A, 0xBC, 0xAF]): self = .unsupported("7-Zip")
        case let bytes where bytes.starts(with: [0x50, 0x41, 0x52, 0x31]): self = .unsupported("Parquet")
        case let bytes where bytes.starts(with: [0x25, 0x50, 0x44, 0x46, 0x2D]): self = .unsupported("PDF")
        default: self = offset > 0 ? .zstandard : .none
        }
    }

    private static func isSkippable(_ start: [UInt8]) -> Bool {
        start[0] & 0xF0 == 0x50 && start[1...3].elementsEqual([0x2A, 0x4D, 0x18])
    }

    func makeDecompressor() throws -> (any Decompressor)? {
        switch self {
        case .none, .unsupported: nil
        case .gzip: try GzipDecompressor()
        case .zstandard: try ZstandardDecompressor()
        case .lz4: try LZ4Decompressor()
        }
    }
}
