import CLZ4

/// Standard LZ4 frames with content size and content checksum, one per call.
enum FrameCodec {
    /// Upper bound of a frame's size on disk, for content of `bytes` bytes.
    static func maximumStoredBytes(_ bytes: Int) -> Int {
        var preferences = preferences(bytes)
        return LZ4F_compressFrameBound(bytes, &preferences)
    }

    private static func preferences(_ bytes: Int) -> LZ4F_preferences_t {
        var preferences = LZ4F_preferences_t()
        preferences.frameInfo.blockSizeID = LZ4F_max256KB
        preferences.frameInfo.blockMode = LZ4F_blockIndependent
        preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled
        preferences.frameInfo.contentSize = UInt64(bytes)
        preferences.compressionLevel = 0
        return preferences
    }

    /// Compresses `source` into one frame.
    ///
    /// - Parameter destination: at least `maximumStoredBytes(source.count)` bytes.
    /// - Returns: the size of the frame.
    static func compress(
        _ source: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer
    ) -> Int {
        var preferences = preferences(source.count)
        let written = LZ4F_compressFrame(
            destination.baseAddress, destination.count, source.baseAddress, source.count, &preferences)
        // With a destination of that bound, only lack of a few kilobytes of memory is left as a reason.
        precondition(LZ4F_isError(written) == 0, "LZ4 cannot compress")
        return written
    }

    /// What is wrong with a frame.
    struct Flaw: Error {
        var reason: String
    }

    /// Decompresses frames; one per thread.
    struct Decompressor: ~Copyable {
        private let context: OpaquePointer

        init() {
            var context: OpaquePointer?
            guard LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0, let context else {
                preconditionFailure("LZ4 cannot be set up")
            }
            self.context = context
        }

        deinit { LZ4F_freeDecompressionContext(context) }

        /// Decompresses exactly one frame that fills `destination` exactly.
        ///
        /// - Throws: `Flaw` for anything else: more or fewer bytes on either side, no content size or checksum in the
        ///   header, a wrong checksum. Never writes outside `destination`.
        /// - Parameter checksum: whether the frame's own checksum of its content is verified. It costs as much as a
        ///   SHA-256 (builds of liblz4 that are common on Linux reach 1.8 GB/s), so callers that check one skip it.
        func decompress(
            _ source: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer, checksum: Bool
        ) throws(Flaw) {
            LZ4F_resetDecompressionContext(context)
            var info = LZ4F_frameInfo_t()
            var consumed = source.count
            guard let base = source.baseAddress,
                LZ4F_isError(LZ4F_getFrameInfo(context, &info, base, &consumed)) == 0,
                info.frameType == LZ4F_frame, info.dictID == 0
            else { throw Flaw(reason: "not an LZ4 frame") }
            guard info.contentSize == UInt64(destination.count),
                info.contentChecksumFlag == LZ4F_contentChecksumEnabled
            else { throw Flaw(reason: "an LZ4 frame announces another size than the manifest") }
            var produced = 0
            var options = LZ4F_decompressOptions_t()
            options.stableDst = 1
            if !checksum {
                // `skipChecksums`, which has this name since 1.9.4; before, the word is there, reserved and ignored.
                withUnsafeMutableBytes(of: &options) { $0.storeBytes(of: 1, toByteOffset: 4, as: UInt32.self) }
            }
            while true {
                var sourceSize = source.count - consumed
                var size = destination.count - produced
                let hint = LZ4F_decompress(
                    context, destination.baseAddress.map { $0 + produced }, &size, base + consumed, &sourceSize,
                    &options)
                guard LZ4F_isError(hint) == 0 else {
                    throw Flaw(reason: "LZ4: \(String(cString: LZ4F_getErrorName(hint)))")
                }
                consumed += sourceSize
                produced += size
                if hint == 0 { break }
                guard sourceSize > 0 || size > 0 else { throw Flaw(reason: "an LZ4 frame is truncated") }
            }
            guard consumed == source.count, produced == destination.count else {
                throw Flaw(reason: "an LZ4 frame has another size than the manifest says")
            }
        }
    }
}
