import CLZ4

/// Standard LZ4 frames with content size and content checksum, one per call.
///
/// Frames are put together here from the blocks that liblz4 compresses: what its own frames cost most time for is the
/// checksum, which we compute for four frames at once, and trying to compress noise, which we recognise.
/// A frame can be filled up with a skippable one, so that it can be written without a copy by the system.
/// Format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
enum FrameCodec {
    /// Largest content of a block, the size of code 5 in the frame's header.
    static let blockBytes = 256 << 10
    /// What is looked at for noise; a plane of a whole frame of tensors.
    static let partBytes = 8 << 10
    private static let headerBytes = 15
    private static let magic: UInt32 = 0x184D_2204
    /// Version 1, independent blocks, content size, content checksum.
    private static let flags: UInt8 = 0b0110_1100
    private static let storedBit: UInt32 = 1 << 31
    /// Of sixteen such numbers any will do.
    private static let skippableMagic: UInt32 = 0x184D_2A50
    private static let skippableHeaderBytes = 8
    /// What the size of a filled-up frame is a multiple of.
    static let alignment = 4096

    /// Upper bound of a frame's size on disk, filled up or not, for content of `bytes` bytes.
    static func maximumStoredBytes(_ bytes: Int) -> Int {
        // Whatever the alignment of what stands before it.
        let frame = headerBytes + bytes + 4 * ((bytes + partBytes - 1) / partBytes) + 8
        return (frame + skippableHeaderBytes + 2 * alignment - 1) / alignment * alignment
    }

    /// Compresses frames; one per thread.
    struct Compressor: ~Copyable {
        private let state = UnsafeMutableRawPointer.allocate(byteCount: Int(LZ4_sizeofState()), alignment: 16)

        deinit { state.deallocate() }

        /// Compresses `source` into one frame.
        ///
        /// - Parameters:
        ///   - checksum: `XXHash32` of the source.
        ///   - destination: at least `maximumStoredBytes(source.count)` bytes.
        ///   - offset: if the frame is to be filled up to a multiple of `alignment`, the bytes before it; otherwise nil.
        ///   - isNoise: whether a part, of `partBytes` bytes or what is left, is not worth trying to compress.
        /// - Returns: the size of the frame.
        func compress(
            _ source: UnsafeRawBufferPointer, checksum: UInt32, into destination: UnsafeMutableRawBufferPointer,
            fillsUpFrom offset: Int?, isNoise: (UnsafeRawBufferPointer) -> Bool
        ) -> Int {
            destination.storeBytes(of: magic.littleEndian, as: UInt32.self)
            destination[4] = flags
            destination[5] = 5 << 4
            destination.storeBytes(of: UInt64(source.count).littleEndian, toByteOffset: 6, as: UInt64.self)
            let descriptor = UnsafeRawBufferPointer(rebasing: destination[4..<14])
            destination[14] = UInt8(truncatingIfNeeded: XXHash32.hash(descriptor) >> 8)
            var end = headerBytes
            var start = 0
            var noise = isNoise(part(source, 0))
            while start < source.count {
                // Parts of one kind make a block.
                let kind = noise
                var next = start
                repeat {
                    next = min(next + partBytes, source.count)
                    if next < source.count { noise = isNoise(part(source, next)) }
                } while next < source.count && next - start < blockBytes && noise == kind
                let block = UnsafeRawBufferPointer(rebasing: source[start..<next])
                let room = UnsafeMutableRawBufferPointer(rebasing: destination[(end + 4)...])
                let compressed = kind ? 0 : compress(block, into: room)
                if compressed == 0 { room.copyMemory(from: block) }
                let size = compressed > 0 ? UInt32(compressed) : UInt32(block.count) | storedBit
                destination.storeBytes(of: size.littleEndian, toByteOffset: end, as: UInt32.self)
                end += 4 + (compressed > 0 ? compressed : block.count)
                start = next
            }
            destination.storeBytes(of: 0, toByteOffset: end, as: UInt32.self)
            destination.storeBytes(of: checksum.littleEndian, toByteOffset: end + 4, as: UInt32.self)
            return offset.map { fillUp(destination, from: end + 8, offset: $0) } ?? end + 8
        }

        private func part(_ source: UnsafeRawBufferPointer, _ start: Int) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: source[start..<min(start + partBytes, source.count)])
        }

        /// Puts a skippable frame of zeros after a frame of `count` bytes, if one is needed.
        private func fillUp(_ destination: UnsafeMutableRawBufferPointer, from count: Int, offset: Int) -> Int {
            guard (offset + count) % alignment != 0 else { return count }
            let content = count + skippableHeaderBytes
            let end = (offset + content + alignment - 1) / alignment * alignment - offset
            destination.storeBytes(of: skippableMagic.littleEndian, toByteOffset: count, as: UInt32.self)
            destination.storeBytes(
                of: UInt32(end - content).littleEndian, toByteOffset: count + 4, as: UInt32.self)
            UnsafeMutableRawBufferPointer(rebasing: destination[content..<end]).initializeMemory(
                as: UInt8.self, repeating: 0)
            return end
        }

        /// - Returns: 0 if the block does not become smaller.
        private func compress(_ block: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer) -> Int {
            Int(
                LZ4_compress_fast_extState(
                    state, block.bindMemory(to: CChar.self).baseAddress,
                    room.bindMemory(to: CChar.self).baseAddress, Int32(block.count), Int32(block.count - 1), 1))
        }
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

        /// Decompresses exactly one frame, filled up or not, that fills `destination` exactly.
        ///
        /// - Parameter checksum: whether the frame's own checksum of its content is verified. Callers that compare the
        ///   SHA-256 of the stored bytes gain nothing by it.
        /// - Throws: `Flaw` for anything else: more or fewer bytes on either side, no content size or checksum in the
        ///   header, a wrong checksum. Never writes outside `destination`.
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
            // `skipChecksums`, which has this name since 1.9.4; before, the word is there, reserved and ignored. Ours is
            // faster.
            withUnsafeMutableBytes(of: &options) { $0.storeBytes(of: 1, toByteOffset: 4, as: UInt32.self) }
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
            guard produced == destination.count,
                isFilling(UnsafeRawBufferPointer(rebasing: source[consumed...]))
            else { throw Flaw(reason: "an LZ4 frame has another size than the manifest says") }
            guard checksum else { return }
            // A frame with a content checksum ends with it, as the header has promised.
            let recorded = source.loadUnaligned(fromByteOffset: consumed - 4, as: UInt32.self)
            guard UInt32(littleEndian: recorded) == XXHash32.hash(UnsafeRawBufferPointer(destination)) else {
                throw Flaw(reason: "LZ4: the content checksum is not the recorded one")
            }
        }

        /// Whether what follows a frame is nothing, or one skippable frame.
        private func isFilling(_ bytes: UnsafeRawBufferPointer) -> Bool {
            guard bytes.count >= skippableHeaderBytes else { return bytes.isEmpty }
            return UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)) == skippableMagic
                && Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
                    == bytes.count - skippableHeaderBytes
        }
    }
}
