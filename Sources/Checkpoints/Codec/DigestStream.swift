import CSHA256

/// A SHA-256 of bytes that come piece by piece, two of which can be computed at once in hardly more time than one.
///
/// Hashing is most of the work of storing a checkpoint. No library at hand hashes two streams of unknown length side by
/// side, so there is a kernel of our own for processors with SHA instructions; elsewhere OpenSSL computes one after the
/// other. Not thread-safe: users take turns.
package final class DigestStream: @unchecked Sendable {
    private var state = sha256_state()
    private let hasher: SHA256Hasher?

    /// Whether this processor can hash in pairs.
    package static let pairs = sha256_pair_available() != 0

    package init(pairs: Bool = DigestStream.pairs) {
        hasher = pairs ? nil : SHA256Hasher()
        sha256_begin(&state)
    }

    /// Adds bytes to up to three streams, however each was made.
    ///
    /// Three take turns in pairs: the longest two until what is left of them is as much as the third has.
    package static func update(_ parts: [(stream: DigestStream, bytes: UnsafeRawBufferPointer)]) {
        precondition(parts.count <= 3, "three streams take turns")
        var parts = parts.filter { !$0.bytes.isEmpty }.sorted { $0.bytes.count > $1.bytes.count }
        if parts.count == 3 {
            let (a, b, c) = (parts[0].bytes.count, parts[1].bytes.count, parts[2].bytes.count)
            // In whole blocks, which need not be put together from two pieces.
            advance(&parts, 0, 1, by: min(b, (a + b - c) / 2 & ~63))
            advance(&parts, 0, 2, by: min(parts[0].bytes.count, c))
            advance(&parts, 1, 2, by: min(parts[1].bytes.count, parts[2].bytes.count))
        } else if parts.count == 2 {
            advance(&parts, 0, 1, by: parts[1].bytes.count)
        }
        for part in parts where !part.bytes.isEmpty { part.stream.update(part.bytes) }
    }

    /// Takes bytes from two parts into their streams.
    private static func advance(
        _ parts: inout [(stream: DigestStream, bytes: UnsafeRawBufferPointer)], _ first: Int, _ second: Int,
        by count: Int
    ) {
        let a = UnsafeRawBufferPointer(rebasing: parts[first].bytes[..<count])
        let b = UnsafeRawBufferPointer(rebasing: parts[second].bytes[..<count])
        if parts[first].stream.hasher == nil, parts[second].stream.hasher == nil {
            sha256_update_pair(
                &parts[first].stream.state, a.baseAddress, count, &parts[second].stream.state, b.baseAddress, count)
        } else {
            parts[first].stream.update(a)
            parts[second].stream.update(b)
        }
        parts[first].bytes = UnsafeRawBufferPointer(rebasing: parts[first].bytes[count...])
        parts[second].bytes = UnsafeRawBufferPointer(rebasing: parts[second].bytes[count...])
    }

    private func update(_ bytes: UnsafeRawBufferPointer) {
        if let hasher {
            hasher.update(bytes)
        } else {
            sha256_update_pair(&state, bytes.baseAddress, bytes.count, nil, nil, 0)
        }
    }

    /// The digest as 64 lower-case hexadecimal digits. The stream must not be used afterwards.
    package func finish() -> String {
        if let hasher { return hasher.finish() }
        var digest = [UInt8](repeating: 0, count: 32)
        sha256_finish(&state, &digest)
        return SHA256Hasher.text(digest)
    }
}
