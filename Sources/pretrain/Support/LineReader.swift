import Foundation

/// Reads whole lines in large blocks.
enum LineReader {
    private static let blockSize = 1 << 20

    struct Failure: Error, CustomStringConvertible {
        var name: String
        var problem: String
        var description: String { "\(name): \(problem)" }
    }

    /// Calls `body` with every line of standard input, without its line feed and of any length, and `endOfBlock` when
    /// what has been read so far is worked off: the moment to show results.
    static func standardInput(
        endOfBlock: () throws -> Void, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void
    ) throws {
        try read(STDIN_FILENO, name: "standard input") { lines in
            var start = 0
            while start < lines.count {
                var end = start
                while end < lines.count, lines[end] != 0x0A { end += 1 }
                try body(UnsafeBufferPointer(rebasing: lines[start..<end]))
                start = end + 1
            }
            try endOfBlock()
        }
    }

    /// Calls `body` with blocks of whole lines, line ends included; only the last line may lack its end.
    static func read(
        _ descriptor: Int32, name: String, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void
    ) throws {
        var buffer = [UInt8](repeating: 0, count: blockSize)
        var filled = 0
        while true {
            if filled == buffer.count { buffer.append(contentsOf: repeatElement(0, count: buffer.count)) }
            let capacity = buffer.count - filled
            let count = buffer.withUnsafeMutableBytes { raw in
                Foundation.read(descriptor, raw.baseAddress.map { $0 + filled }, capacity)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Failure(name: name, problem: String(cString: strerror(errno))) }
            if count == 0 { break }
            let lastLineEnd = buffer[filled..<(filled + count)].lastIndex(of: 0x0A)
            filled += count
            guard let lastLineEnd else { continue }
            try buffer.withUnsafeBufferPointer { try body(UnsafeBufferPointer(rebasing: $0[...lastLineEnd])) }
            let rest = filled - lastLineEnd - 1
            buffer.withUnsafeMutableBufferPointer { bytes in
                guard let base = bytes.baseAddress else { return }
                base.update(from: base + lastLineEnd + 1, count: rest)
            }
            filled = rest
        }
        if filled > 0 {
            try buffer.withUnsafeBufferPointer { try body(UnsafeBufferPointer(rebasing: $0[..<filled])) }
        }
    }
}
