import CZstd

/// Zstandard frames (RFC 8878), skippable ones included.
final class ZstandardDecompressor: Decompressor {
    private let stream: OpaquePointer
    private(set) var isAtFrameEnd = true

    init() throws {
        guard let stream = ZSTD_createDStream() else {
            throw DecompressionFailure(reason: "zstd could not be started")
        }
        self.stream = stream
    }

    deinit { ZSTD_freeDStream(stream) }

    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws -> (consumed: Int, produced: Int) {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        // At a frame's end without input there is nothing to flush, and a call would begin the next frame.
        if input.isEmpty && isAtFrameEnd { return (0, 0) }
        let result = ZSTD_decompressStream(stream, &target, &source)
        if ZSTD_isError(result) != 0 {
            throw DecompressionFailure(reason: String(cString: ZSTD_getErrorName(result)))
        }
        isAtFrameEnd = result == 0
        return (source.pos, target.pos)
    }
}
