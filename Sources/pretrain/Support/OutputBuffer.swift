import Foundation
import Tokenization

/// Buffered standard output with errors.
final class OutputBuffer {
    private let bytes: UnsafeMutablePointer<UInt8>
    private var count = 0
    private static let size = 1 << 18
    /// Digits of the largest id, and what parts it from the next.
    private static let longestID = 11

    init() { bytes = .allocate(capacity: Self.size) }

    deinit { bytes.deallocate() }

    /// Does something that writes to it. What was written before an error is put out as well.
    func flushing(_ work: () throws -> Void) throws {
        do { try work() } catch {
            try? flush()
            throw error
        }
    }

    /// Writes ids separated by spaces, and a line feed.
    func write(ids: [Int32]) throws {
        var start = 0
        while start < ids.count {
            if count + Self.longestID + 1 > Self.size { try flush() }
            let fitting = min(ids.count - start, (Self.size - count - 1) / Self.longestID)
            count = ids[start..<(start + fitting)].withUnsafeBufferPointer { Self.format($0, bytes, count) }
            start += fitting
        }
        if ids.isEmpty {
            try write(bytes: [0x0A])
        } else {
            bytes[count - 1] = 0x0A
        }
    }

    /// Ids below this are written from a table.
    private static let tabulated = 100_000

    /// The digits of each tabulated id and a space, with their number in the top byte.
    private static let table: [UInt64] = (0..<UInt64(tabulated)).map { id in
        var text = UInt64(UInt8(ascii: " "))
        var count: UInt64 = 1
        var rest = id
        repeat {
            text = text << 8 | UInt64(UInt8(ascii: "0")) + rest % 10
            count += 1
            rest /= 10
        } while rest > 0
        return text | count << 56
    }

    /// Writes each id and a space; returns the new end. At least `longestID` bytes an id are free there.
    private static func format(
        _ ids: UnsafeBufferPointer<Int32>, _ bytes: UnsafeMutablePointer<UInt8>, _ start: Int
    ) -> Int {
        table.withUnsafeBufferPointer { format(ids, bytes, start, $0) }
    }

    private static func format(
        _ ids: UnsafeBufferPointer<Int32>, _ bytes: UnsafeMutablePointer<UInt8>, _ start: Int,
        _ table: UnsafeBufferPointer<UInt64>
    ) -> Int {
        var end = start
        for id in ids {
            if id >= 0, id < tabulated {
                let text = table[Int(id)]
                UnsafeMutableRawPointer(bytes + end).storeBytes(of: text.littleEndian, as: UInt64.self)
                end &+= Int(text &>> 56)
                continue
            }
            var value = UInt32(bitPattern: id)
            var digits = 1
            var rest = value / 10
            while rest > 0 {
                digits &+= 1
                rest /= 10
            }
            var position = end &+ digits
            repeat {
                position &-= 1
                bytes[position] = UInt8(truncatingIfNeeded: 0x30 &+ value % 10)
                value /= 10
            } while value > 0
            end &+= digits
            bytes[end] = 0x20
            end &+= 1
        }
        return end
    }

    func write(bytes more: [UInt8]) throws {
        var start = 0
        while start < more.count {
            if count == Self.size { try flush() }
            let part = min(more.count - start, Self.size - count)
            more[start..<(start + part)].withUnsafeBufferPointer { source in
                guard let base = source.baseAddress else { return }
                (bytes + count).update(from: base, count: part)
            }
            count += part
            start += part
        }
    }

    /// Writes a text and a line feed at once; unlike Swift's `print`, a full disk is an error.
    static func print(_ text: String, terminator: String = "\n") throws {
        let output = OutputBuffer()
        try output.write(bytes: Array((text + terminator).utf8))
        try output.flush()
    }

    func flush() throws {
        var written = 0
        while written < count {
            let result = Foundation.write(STDOUT_FILENO, bytes + written, count - written)
            if result < 0, errno == EINTR { continue }
            guard result >= 0 else {
                throw TokenizerError.file(path: "standard output", problem: String(cString: strerror(errno)))
            }
            written += result
        }
        count = 0
    }
}
