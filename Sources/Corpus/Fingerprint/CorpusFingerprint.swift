import Machine

/// What a corpus looked like when a run started, so that a resumed run can refuse a changed one.
///
/// Files are known by their path below the source, so the corpus may be moved. Making a fingerprint reads at most
/// 512 MiB: all of a small corpus, and 64 KiB blocks of a large one.
public struct CorpusFingerprint: Codable, Equatable, Sendable {
    public struct File: Codable, Equatable, Sendable {
        /// Index of the source in the configuration.
        public var source: Int
        /// Path below the source's folder, or the fixed part of its glob.
        public var path: String
        public var size: Int64
        /// Nanoseconds since 1970.
        public var modificationTime: Int64
        /// Of the content or of blocks of it, in hexadecimal; absent if the corpus has too many files to open each.
        public var sha256: String?
    }

    /// Bytes of some files together; the largest number stands for all beyond it.
    package static func bytes(_ files: [File]) -> Int64 {
        files.reduce(0) { $0.addingSaturated($1.size) }
    }

    /// Corpora up to this many bytes are read as a whole.
    public static let wholeLimit: Int64 = 512 << 20
    /// Most blocks that are read of a larger corpus, 64 MiB in all: a second or two even where every block is a seek over a
    /// network, and never a matter of the size of the corpus.
    private static let blockLimit = 1024

    /// Blocks sampled of each file; nil if files were read as a whole.
    public var blocksPerFile: Int?
    public var files: [File]

    /// - Throws: `CorpusError.unreadable`.
    public init(_ listing: CorpusListing) throws {
        try self.init(listing, wholeLimit: Self.wholeLimit, blockLimit: Self.blockLimit)
    }

    package init(_ listing: CorpusListing, wholeLimit: Int64, blockLimit: Int) throws {
        let count = listing.fileCount
        blocksPerFile = listing.bytes <= wholeLimit ? nil : max(1, min(16, blockLimit / max(1, count)))
        files = []
        for (source, listed) in listing.sources.enumerated() {
            for file in listed.files {
                // Of more files than blocks only some are opened, evenly spread.
                let number = files.count
                let isOpened =
                    blocksPerFile == nil || count <= blockLimit
                    || number * blockLimit / count != (number + 1) * blockLimit / count
                files.append(
                    File(
                        source: source, path: file.relativePath, size: file.size,
                        modificationTime: file.modificationTime,
                        sha256: isOpened ? try KnownDigests.sha256(file, blocks: blocksPerFile) : nil))
            }
        }
    }

    /// Compares the corpus as it is now with this fingerprint.
    ///
    /// A file of the same size and modification time is taken for unchanged; one with another time is read and compared.
    ///
    /// - Throws: `CorpusError.fileChanged` for the first file that was changed, added or removed.
    public func verify(against listing: CorpusListing) throws {
        for (source, listed) in listing.sources.enumerated() {
            // By bytes: strings that differ in normalization are equal, and name different files.
            let known = Dictionary(
                files.lazy.filter { $0.source == source }.map { (Array($0.path.utf8), $0) },
                uniquingKeysWith: { first, _ in first })
            for file in listed.files {
                guard let before = known[Array(file.relativePath.utf8)] else {
                    throw CorpusError.fileChanged(path: file.path, change: "the file was added")
                }
                try verify(file, before)
            }
            let present = Set(listed.files.map { Array($0.relativePath.utf8) })
            if let missing = files.first(where: { $0.source == source && !present.contains(Array($0.path.utf8)) }) {
                throw CorpusError.fileChanged(
                    path: missing.path, change: "the file is missing from \(listed.configuration.path)")
            }
        }
        if let missing = files.first(where: { !listing.sources.indices.contains($0.source) }) {
            throw CorpusError.fileChanged(path: missing.path, change: "its source is no longer configured")
        }
    }

    private func verify(_ file: CorpusFile, _ before: File) throws {
        if file.size != before.size {
            throw CorpusError.fileChanged(
                path: file.path, change: "its size was \(before.size) bytes and is \(file.size)")
        }
        if file.modificationTime == before.modificationTime { return }
        guard let digest = before.sha256 else {
            throw CorpusError.fileChanged(
                path: file.path,
                change: "its modification time differs and its content was not recorded (copy with cp -a or rsync -a)")
        }
        if try KnownDigests.sha256(file, blocks: blocksPerFile) != digest {
            throw CorpusError.fileChanged(path: file.path, change: "its content differs (SHA-256)")
        }
    }
}
