import Glibc

/// A window onto a file's decompressed content that slides forward.
///
/// Pointers into `bytes` stay valid until the next `fill`.
final class StreamBuffer {
    private static let readBytes = 256 << 10

    private let stream: FileStream
    private let gauge: MemoryGauge
    private var storage: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    /// Whether `bytes` reaches to the end of the content.
    private(set) var isAtEnd = false
    /// Position in the decompressed content of the first byte of `bytes`.
    private(set) var offset: Int64

    init(_ stream: FileStream, capacity: Int, gauge: MemoryGauge) {
        self.stream = stream
        self.gauge = gauge
        offset = stream.offset
        storage = .allocate(byteCount: capacity + Self.readBytes, alignment: 16)
        gauge.add(storage.count)
    }

    deinit {
        gauge.add(-storage.count)
        storage.deallocate()
    }

    var capacity: Int { storage.count }
    var count: Int { end - start }
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[start..<end]) }

    func consume(_ count: Int) {
        start += count
        offset += Int64(count)
    }

    /// Treats what has been read as all there is.
    func endHere() { isAtEnd = true }

    /// Reads until `bytes` holds more than `count` bytes or reaches to the end of the content.
    func fill(beyond count: Int) throws {
        while self.count <= count && !isAtEnd { try fillOnce() }
    }

    private func fillOnce() throws {
        if storage.count - end < Self.readBytes / 2 {
            let remaining = count
            if remaining + Self.readBytes > storage.count {
                let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: storage.count * 2, alignment: 16)
                larger.copyMemory(from: bytes)
                gauge.add(larger.count - storage.count)
                storage.deallocate()
                storage = larger
            } else if start > 0, let base = storage.baseAddress {
                memmove(base, base + start, remaining)
            }
            start = 0
            end = remaining
        }
        let room = UnsafeMutableRawBufferPointer(rebasing: storage[end..<min(storage.count, end + Self.readBytes)])
        let read = try stream.read(into: room)
        end += read
        if read == 0 { isAtEnd = true }
    }
}
