import CZlib

/// gzip (RFC 1952) through zlib, with any number of members.
package final class GzipDecompressor: Decompressor {
    // zlib keeps the address of its stream, so the stream must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    package private(set) var isAtFrameEnd = false

    package init() throws {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let size = Int32(MemoryLayout<z_stream>.size)
        guard inflateInit2_(stream, 16 + MAX_WBITS, zlibVersion(), size) == Z_OK else {
            stream.deallocate()
            throw DecompressionFailure(reason: "zlib could not be started, for lack of memory", isLimit: true)
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    package func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws -> (consumed: Int, produced: Int) {
        guard !input.isEmpty, let start = input.baseAddress else { return (0, 0) }
        if isAtFrameEnd {
            // Zeros may fill up the last block of a tape or disk.
            let padding = input.prefix { $0 == 0 }.count
            if padding > 0 { return (padding, 0) }
            guard input[0] == 0x1F else {
                throw DecompressionFailure(reason: "bytes that are not gzip follow a gzip member")
            }
            inflateReset(stream)
            isAtFrameEnd = false
        }
        let available = min(input.count, 1 << 30)
        let room = min(output.count, 1 << 30)
        stream.pointee.next_in = UnsafeMutablePointer(mutating: start.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(available)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(room)
        let status = inflate(stream, Z_NO_FLUSH)
        switch status {
        case Z_STREAM_END: isAtFrameEnd = true
        case Z_OK, Z_BUF_ERROR: break
        case Z_MEM_ERROR: throw DecompressionFailure(reason: "there is not enough memory", isLimit: true)
        default:
            throw DecompressionFailure(reason: stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(status)")
        }
        return (available - Int(stream.pointee.avail_in), room - Int(stream.pointee.avail_out))
    }
}
