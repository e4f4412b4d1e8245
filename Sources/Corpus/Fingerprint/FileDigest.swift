import CCrypto
import Glibc

/// SHA-256 of a file, or of blocks of it.
package enum FileDigest {
    /// Bytes of one sampled block.
    static let blockBytes: Int64 = 64 << 10

    /// Parts of a file of which a sample consists: its first and its last block and others evenly between them.
    static func blocks(size: Int64, count: Int) -> [Range<Int64>] {
        let needed = (size + blockBytes - 1) / blockBytes
        if needed <= Int64(count) { return [0..<size] }
        if count <= 1 { return [0..<blockBytes] }
        let last = size - blockBytes
        return (0..<Int64(count)).map { index in
            let start = Int64(Double(last) * Double(index) / Double(count - 1))
            return start..<start + blockBytes
        }
    }

    /// - Parameter blocks: parts to read; nil for the whole file.
    /// - Returns: the digest in hexadecimal.
    /// - Throws: `CorpusError.unreadable`.
    package static func sha256(path: String, blocks: [Range<Int64>]?) throws -> String {
        let descriptor = SystemPath.withBytes(path) { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard descriptor >= 0 else { throw CorpusError.unreadable(path: path, reason: systemMessage()) }
        defer { close(descriptor) }
        guard let context = EVP_MD_CTX_new() else {
            throw CorpusError.unreadable(path: path, reason: "libcrypto could not be started")
        }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            throw CorpusError.unreadable(path: path, reason: "libcrypto offers no SHA-256")
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        for block in blocks ?? [0..<Int64.max] {
            var position = block.lowerBound
            while position < block.upperBound {
                let wanted = Int(min(Int64(buffer.count), block.upperBound - position))
                let count = pread(descriptor, buffer.baseAddress, wanted, off_t(position))
                if count == 0 { break }
                if count < 0 {
                    if errno == EINTR { continue }
                    throw CorpusError.unreadable(path: path, reason: systemMessage())
                }
                EVP_DigestUpdate(context, buffer.baseAddress, count)
                position += Int64(count)
            }
        }
        var digest = [UInt8](repeating: 0, count: 32)
        EVP_DigestFinal_ex(context, &digest, nil)
        return hexadecimal(digest)
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
