import Glibc

/// Why a file that is not a corpus cannot be read; settings of a corpus are no help then.
public struct TextFileFailure: Error, Equatable, CustomStringConvertible {
    public var path: String
    /// What is wrong, and what to do.
    public var problem: String

    public init(path: String, problem: String) {
        self.path = path
        self.problem = problem
    }

    init?(_ error: CorpusError) {
        switch error {
        case .unreadable(let path, let reason):
            self.init(path: path, problem: "cannot be read: \(reason); check the name and the permissions")
        case .damagedArchive(let path, let offset, let reason):
            self.init(
                path: path, problem: "is damaged after \(offset) decompressed bytes: \(reason); make or fetch it again")
        case .notText(let path, let reason):
            self.init(path: path, problem: "cannot be read: \(reason); write it as text, or as .gz, .zst or .lz4")
        default: return nil
        }
    }

    public var description: String { SystemPath.shown("\(path): \(problem)") }
}

/// Whole files that are not a corpus: tables of labelled texts, sentence pairs.
package enum TextFile {
    /// The content, decompressed, with a byte order mark taken off.
    ///
    /// - Parameter limit: bytes that are read at most; a file is refused beyond, and beyond 256 MiB one that is compressed to less
    ///   than a hundredth, as no texts are.
    /// - Throws: `TextFileFailure`, or `CorpusError` for one that is too large.
    package static func contents(of path: String, limit: Int = 4 << 30) throws -> [UInt8] {
        do {
            return try read(path, limit: limit)
        } catch let error as CorpusError {
            throw TextFileFailure(error) ?? error as any Error
        }
    }

    private static func read(_ path: String, limit: Int) throws -> [UInt8] {
        let file = CorpusFile(
            path: path, relativePath: path, size: 0, modificationTime: 0, isJSONLines: false, separator: .file,
            textField: [])
        let stream = try FileStream(file)
        var status = stat()
        let limit = stat(path, &status) == 0 ? min(limit, max(256 << 20, 100 * Int(status.st_size))) : limit
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
