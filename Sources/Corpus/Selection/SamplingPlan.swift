import Machine

/// Which parts of a source's files a sample is read from.
struct SamplingPlan {
    /// Part of a file's decompressed content.
    struct Chunk: Equatable {
        var file: Int
        var start: Int64
        /// Documents that start before this belong to the chunk.
        var end: Int64
    }

    /// Compressed text is about this many times larger than its file.
    private static let compressionRatio: Int64 = 4
    private static let smallestChunk: Int64 = 64 << 10

    let chunks: [Chunk]
    /// Whether it is all of the source.
    var isComplete: Bool { chunks.allSatisfy { $0.start == 0 && $0.end == .max } }

    /// - Parameter budget: bytes of text wanted; the chunks may hold more.
    init(source: CorpusListing.Source, index: Int, budget: Int, seed: UInt64) {
        let files = source.files
        let random = CounterRandom(seed: seed, purpose: .sampling, source: index)
        let total = Self.estimatedBytes(source)
        // All of it, unless it is clearly more than is wanted: documents differ in how much of them is held out.
        guard total > Int64(budget) + Int64(budget) / 16 else {
            chunks = files.indices.map { Chunk(file: $0, start: 0, end: .max) }
            return
        }
        let order = random.permutation(files.count)
        // Many small parts represent a corpus better; few large ones are read faster.
        let chunkBytes = min(max(Int64(budget) / 256, Self.smallestChunk), 4 << 20)
        var chunks: [Chunk] = []
        for (place, file) in order.enumerated() {
            let file = Int(file)
            let size = Self.estimatedBytes(files[file])
            let wanted = Double(budget) * 17 / 16 * Double(size) / Double(total)
            guard Self.canSeek(files[file]) else {
                chunks.append(Chunk(file: file, start: 0, end: max(chunkBytes, Int64(wanted))))
                continue
            }
            let count = Int64(max(1, (wanted / Double(chunkBytes)).rounded(.up)))
            let stratum = max(1, size / count)
            let length = min(stratum, max(Int64(wanted) / count + 1, Self.smallestChunk))
            for part in 0..<count {
                let number = place &* 65_536 &+ Int(part)
                let slack = Int(stratum - length) + 1
                let start = part * stratum + Int64(random.below(slack, files.count &+ number))
                chunks.append(Chunk(file: file, start: start < length ? 0 : start, end: start + length))
            }
        }
        self.chunks = Self.interleaved(chunks)
    }

    /// As much of every file's beginning as its size has a right to.
    ///
    /// - Parameter budget: bytes of text wanted.
    func beginnings(_ source: CorpusListing.Source, budget: Int) -> [Chunk] {
        let total = Double(Self.estimatedBytes(source))
        var seen = Set<Int>()
        return chunks.map(\.file).filter { seen.insert($0).inserted }.map { file in
            let share = Double(budget) * 17 / 16 * Double(Self.estimatedBytes(source.files[file])) / total
            return Chunk(file: file, start: 0, end: max(Self.smallestChunk, Int64(share)))
        }
    }

    static func estimatedBytes(_ source: CorpusListing.Source) -> Int64 {
        source.files.reduce(0) { $0.addingSaturated(estimatedBytes($1)) }
    }

    static func estimatedBytes(_ file: CorpusFile) -> Int64 {
        isCompressed(file) ? file.size.multipliedSaturated(by: compressionRatio) : file.size
    }

    /// By name: opening every file of a large corpus would take too long, and a wrong guess only costs time.
    private static func isCompressed(_ file: CorpusFile) -> Bool {
        FileName.compressionEnding(file.path) != nil
    }

    /// Documents in the middle of a file can be found if they end before the file does.
    static func canSeek(_ file: CorpusFile) -> Bool {
        !isCompressed(file) && (file.isJSONLines || file.separator != .file)
    }

    /// The first chunk of every file, then the second of every file, and so on: where reading stops because there is
    /// enough, every file has given its part.
    private static func interleaved(_ chunks: [Chunk]) -> [Chunk] {
        var rank: [Int: Int] = [:]
        var ranked: [(rank: Int, place: Int, chunk: Chunk)] = []
        for (place, chunk) in chunks.enumerated() {
            ranked.append((rank[chunk.file, default: 0], place, chunk))
            rank[chunk.file, default: 0] += 1
        }
        return ranked.sorted { ($0.rank, $0.place) < ($1.rank, $1.place) }.map(\.chunk)
    }
}
