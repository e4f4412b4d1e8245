import CLZ4
import CZlib
import CZstd

/// Compressed forms of bytes, made by the libraries themselves.
enum Archive: String, CaseIterable {
    case plain = ""
    case gzip = ".gz"
    case zstandard = ".zst"
    case lz4 = ".lz4"

    /// The content in `parts` frames or members.
    func pack(_ content: [UInt8], parts: Int = 1) -> [UInt8] {
        if self == .plain { return content }
        let size = (content.count + parts - 1) / parts
        return (0..<parts).flatMap { part -> [UInt8] in
            let range = min(content.count, part * size)..<min(content.count, (part + 1) * size)
            let piece = Array(content[range])
            return switch self {
            case .plain: piece
            case .gzip: Self.gzip(piece)
            case .zstandard: Self.zstandard(piece)
            case .lz4: Self.lz4(piece)
            }
        }
    }

    private static func gzip(_ content: [UInt8]) -> [UInt8] {
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        guard deflateInit2_(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY, zlibVersion(), size) == Z_OK
        else { return [] }
        defer { deflateEnd(&stream) }
        var input = content
        var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(content.count))) + 64)
        let capacity = output.count
        input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(capacity)
                _ = deflate(&stream, Z_FINISH)
            }
        }
        return Array(output.prefix(Int(stream.total_out)))
    }

    /// With a checksum, the low half of XXH64 of the content, as the last four bytes.
    static func zstandard(_ content: [UInt8]) -> [UInt8] {
        guard let context = ZSTD_createCCtx() else { return [] }
        defer { ZSTD_freeCCtx(context) }
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
        var output = [UInt8](repeating: 0, count: ZSTD_compressBound(content.count))
        let size = ZSTD_compress2(context, &output, output.count, content, content.count)
        return ZSTD_isError(size) == 0 ? Array(output.prefix(size)) : []
    }

    private static func lz4(_ content: [UInt8]) -> [UInt8] {
        var preferences = LZ4F_preferences_t()
        preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled
        var output = [UInt8](repeating: 0, count: LZ4F_compressFrameBound(content.count, &preferences))
        let size = LZ4F_compressFrame(&output, output.count, content, content.count, &preferences)
        return LZ4F_isError(size) == 0 ? Array(output.prefix(size)) : []
    }
}
