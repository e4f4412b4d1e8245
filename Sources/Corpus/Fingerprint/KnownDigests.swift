import Glibc
import Synchronization

/// Digests that this process has made: a search starts and judges many runs on one corpus, which is read once for all of them.
///
/// A file is known by path, size and modification time, by which a fingerprint takes it for unchanged as well.
enum KnownDigests {
    private struct Key: Hashable {
        /// Bytes: strings that differ in normalization are equal, and name different files.
        var path: [UInt8]
        var size: Int64
        var modificationTime: Int64
        var blocks: Int?
    }

    /// Smaller files are read again rather than remembered: a corpus may have very many of them.
    private static let smallestFile: Int64 = 64 << 10
    /// Nanoseconds for which a file is too new: it may change once more without another time.
    private static let newness: Int64 = 2_000_000_000
    private static let digests = Mutex<[Key: String]>([:])

    /// - Parameter blocks: number of blocks of the file that are read; nil for all of it.
    /// - Returns: SHA-256 in hexadecimal.
    /// - Throws: `CorpusError.unreadable`.
    static func sha256(_ file: CorpusFile, blocks: Int?) throws -> String {
        let key = Key(
            path: Array(file.path.utf8), size: file.size, modificationTime: file.modificationTime, blocks: blocks)
        if let known = digests.withLock({ $0[key] }) { return known }
        let digest = try FileDigest.sha256(
            path: file.path, blocks: blocks.map { FileDigest.blocks(size: file.size, count: $0) })
        let now = Int64(time(nil)) * 1_000_000_000
        if file.size >= smallestFile, file.modificationTime < now - newness {
            digests.withLock { $0[key] = digest }
        }
        return digest
    }
}
