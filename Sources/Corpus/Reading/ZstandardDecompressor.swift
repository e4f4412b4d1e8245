import CZstd
import Machine

/// Zstandard frames (RFC 8878), skippable ones included.
///
/// Windows of up to 2 GiB are accepted, which `zstd --long=31` makes, if there is memory for them.
package final class ZstandardDecompressor: Decompressor {
    /// Windows up to here are taken without asking: `zstd` itself reads them without `--long`.
    private static let unaskedWindow: UInt64 = 128 << 20

    private let stream: OpaquePointer
    private let availableMemory: () -> UInt64
    private var window: UInt64 = 0
    package private(set) var isAtFrameEnd = true

    /// - Parameter availableMemory: bytes that a window may take.
    package init(availableMemory: @escaping () -> UInt64 = { UInt64(MachineLimits().available) }) throws {
        guard let stream = ZSTD_createDStream() else {
            throw DecompressionFailure(reason: "zstd could not be started, for lack of memory", isLimit: true)
        }
        self.stream = stream
        self.availableMemory = availableMemory
        let largest = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax).upperBound
        ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, largest)
    }

    deinit { ZSTD_freeDStream(stream) }

    package func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws -> (consumed: Int, produced: Int) {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        // At a frame's end without input there is nothing to flush, and a call would begin the next frame.
        if input.isEmpty && isAtFrameEnd { return (0, 0) }
        if isAtFrameEnd { try checkWindow(input) }
        let result = ZSTD_decompressStream(stream, &target, &source)
        if ZSTD_isError(result) != 0 { throw failure(result) }
        isAtFrameEnd = result == 0
        return (source.pos, target.pos)
    }

    /// Asks before a frame begins, because memory that is only reserved is refused by no allocation.
    private func checkWindow(_ input: UnsafeRawBufferPointer) throws {
        window = Self.windowBytes(input) ?? 0
        guard window > Self.unaskedWindow else { return }
        let available = availableMemory()
        if window > available {
            throw DecompressionFailure(
                reason: "\(needs), and \(Self.megabytes(available)) are available; free memory, or compress it again "
                    + "without --long", isLimit: true)
        }
    }

    /// The window of a frame (RFC 8878, section 3.1.1.1), where its header says so.
    private static func windowBytes(_ header: UnsafeRawBufferPointer) -> UInt64? {
        guard header.count >= 6, header.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) else { return nil }
        // A frame of a single segment has its whole content for a window; the last values say that its size is not known.
        guard header[4] & 0x20 == 0 else {
            let size = ZSTD_getFrameContentSize(header.baseAddress, header.count)
            return size < 1 << 62 ? size : nil
        }
        let base = UInt64(1) << (10 + UInt64(header[5] >> 3))
        return base + base / 8 * UInt64(header[5] & 7)
    }

    private var needs: String { "its window needs \(Self.megabytes(window)) of memory" }

    private static func megabytes(_ bytes: UInt64) -> String { "\((bytes + (1 << 20) - 1) >> 20) MiB" }

    private func failure(_ result: Int) -> DecompressionFailure {
        switch ZSTD_getErrorCode(result) {
        case ZSTD_error_frameParameter_windowTooLarge:
            DecompressionFailure(
                reason: "\(needs), and zstd reads at most 2048 MiB; compress it again with --long=31 or less",
                isLimit: true)
        case ZSTD_error_memory_allocation:
            DecompressionFailure(
                reason: window > 0 ? "\(needs), which could not be had" : "there is not enough memory", isLimit: true)
        case ZSTD_error_dictionary_wrong:
            DecompressionFailure(
                reason: "it was compressed with a dictionary; compress it again without one", isLimit: true)
        case ZSTD_error_frameParameter_unsupported, ZSTD_error_version_unsupported:
            DecompressionFailure(
                reason: "\(String(cString: ZSTD_getErrorName(result))); compress it again with a current zstd",
                isLimit: true)
        default: DecompressionFailure(reason: String(cString: ZSTD_getErrorName(result)))
        }
    }
}
