import Glibc

/// Whole files that are not a corpus: tables of labelled texts, sentence pairs.
package enum TextFile {
    /// The content, decompressed, with a byte order mark taken off.
    ///
    /// - Parameter limit: bytes that are read at most; a file is refused beyond.
    /// - Throws: `CorpusError`.
    package static func contents(of path: String, limit: Int = 4 << 30) throws -> [UInt8] {
        let file = CorpusFile(
            path: path, relativePath: path, size: 0, modificationTime: 0, isJSONLines: false, separator: .file,
            textField: [])
        let stream = try FileStream(file)
        var bytes: [UInt8] = []
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { block.deallocate() }
        while true {
            let count = try stream.read(into: block)
            if count == 0 { break }
            bytes += block[..<count]
            if bytes.count > limit {
                throw CorpusError.beyondLimit(path: path, reason: "it holds more than \(limit >> 20) MiB")
            }
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        return bytes
    }
}
