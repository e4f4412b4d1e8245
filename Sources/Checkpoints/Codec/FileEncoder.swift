/// Compresses files of a checkpoint and writes them, in rounds of some frames of every file, on several threads.
enum FileEncoder {
    /// Bytes of content per frame: all that is done to the frames of a file in a round fits into a core's second-level
    /// cache.
    static let frameBytes = 256 << 10
    /// Frames of a file in a round: their checksums take as long together as one.
    private static let framesPerRound = 4
    /// A round's bytes of a tensor file from which on they are filled up, so that they can be written from our memory; less is
    /// not worth it.
    static let directBytes = 256 << 10
    private static let roundBytes = framesPerRound * frameBytes

    struct Source: Sendable {
        var fileName: String
        var bytes: ByteSegments
        var transform: TensorTransform
        /// Whether the manifest is to name the SHA-256 of the content, beside that of the stored bytes.
        var hashesContent: Bool

        var roundCount: Int { max(1, (bytes.byteCount + roundBytes - 1) / roundBytes) }
    }

    /// What is known about a file so far. Guarded by the turns of the lane that hashes its stored bytes.
    private final class Progress: @unchecked Sendable {
        var frames: [CheckpointManifest.Frame] = []
        var storedBytes = 0
    }

    /// One file's part of a round.
    private struct Part {
        var raw: UnsafeRawBufferPointer
        var frames: [CheckpointManifest.Frame]
        /// The frames, one after another.
        var stored: UnsafeRawBufferPointer
    }

    /// Memory of one thread: transformed frames of one file, then the compressed ones of every file, then the gathered raw
    /// bytes of every file, which are hardly ever touched.
    private struct Worker: ~Copyable {
        /// A multiple of the alignment, so that what is compressed can be written from where it is.
        private static let compressedBytes = framesPerRound * FrameCodec.maximumStoredBytes(frameBytes)
        private let sources: Int
        private let memory: ScratchMemory
        private let pool: ScratchPool
        let compressor = FrameCodec.Compressor()

        init(sources: Int, pool: ScratchPool) {
            self.sources = sources
            self.pool = pool
            memory = pool.take(byteCount: roundBytes + sources * (Self.compressedBytes + roundBytes))
        }

        deinit { pool.giveBack(memory) }

        /// For the transformed content of a frame.
        func transformed(_ frame: Int) -> UnsafeMutableRawBufferPointer { part(frame * frameBytes, frameBytes) }

        func compressed(_ source: Int) -> UnsafeMutableRawBufferPointer {
            part(roundBytes + source * Self.compressedBytes, Self.compressedBytes)
        }

        /// For a file's raw bytes, where they do not lie together.
        func gathered(_ source: Int) -> UnsafeMutableRawBufferPointer {
            part(roundBytes + sources * Self.compressedBytes + source * roundBytes, roundBytes)
        }

        private func part(_ start: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
            .init(rebasing: memory.bytes[start..<(start + count)])
        }
    }

    /// Writes every source to the output of the same index.
    static func encode(
        _ sources: [Source], to outputs: [CheckpointFile], threads: Int, scratch: ScratchPool
    ) throws -> [CheckpointManifest.File] {
        let digests = DigestLanes(hashesContent: sources.map(\.hashesContent))
        let progress = sources.map { _ in Progress() }
        let rounds = sources.map(\.roundCount).max() ?? 0
        let sourceCount = sources.count
        let makeWorker: @Sendable () -> Worker = { Worker(sources: sourceCount, pool: scratch) }
        try OrderedWork.run(count: rounds, threads: threads, lanes: digests.count, workers: makeWorker) {
            work, worker, round in
            let parts = sources.indices.map { index in
                round < sources[index].roundCount ? compress(sources[index], index, round: round, worker) : nil
            }
            for lane in 0..<digests.count {
                try work.inTurn(lane: lane, turn: round) {
                    digests.update(lane: lane) { stream in
                        guard let part = parts[stream.file] else { return .init(start: nil, count: 0) }
                        return stream.isContent ? part.raw : part.stored
                    }
                    for stream in digests.streams(of: lane) where !stream.isContent {
                        guard let part = parts[stream.file] else { continue }
                        progress[stream.file].frames += part.frames
                        progress[stream.file].storedBytes += part.stored.count
                        try outputs[stream.file].write(part.stored)
                    }
                }
            }
        }
        let hashes = digests.finish()
        return sources.indices.map { index in
            CheckpointManifest.File(
                file: sources[index].fileName, bytes: sources[index].bytes.byteCount,
                sha256: hashes[.init(file: index, isContent: true)], storedBytes: progress[index].storedBytes,
                storedSHA256: hashes[.init(file: index, isContent: false)] ?? "", transform: sources[index].transform,
                frameBytes: frameBytes, frames: progress[index].frames)
        }
    }

    /// Transforms and compresses the frames of a file in this round.
    private static func compress(_ source: Source, _ index: Int, round: Int, _ worker: borrowing Worker) -> Part {
        let start = round * roundBytes
        let raw = raw(source, index, start..<min(start + roundBytes, source.bytes.byteCount), worker)
        let isTensor = source.transform != .none
        var exponents: [UInt8] = []
        let contents = stride(from: 0, to: max(raw.count, 1), by: frameBytes).map { start in
            let frame = UnsafeRawBufferPointer(rebasing: raw[start..<min(start + frameBytes, raw.count)])
            exponents.append(isTensor ? TensorTransform.commonExponent(frame) : 0)
            guard isTensor, let base = frame.baseAddress else { return frame }
            let transformed = worker.transformed(start / frameBytes)
            TensorTransform.encodeExponentPlanes(
                base, count: frame.count / 4, exponent: exponents[exponents.count - 1],
                into: transformed.baseAddress!)
            return UnsafeRawBufferPointer(rebasing: transformed[..<frame.count])
        }
        let checksums = XXHash32.hash(contents)
        let room = worker.compressed(index)
        var frames: [CheckpointManifest.Frame] = []
        var end = 0
        for (number, content) in contents.enumerated() {
            let size = worker.compressor.compress(
                content, checksum: checksums[number], into: UnsafeMutableRawBufferPointer(rebasing: room[end...]),
                fillsUpFrom: isTensor && number == contents.count - 1 && raw.count >= directBytes ? end : nil,
                isNoise: { isTensor && TensorTransform.isNoise($0) })
            frames.append(.init(storedBytes: size, exponent: Int(exponents[number])))
            end += size
        }
        return Part(raw: raw, frames: frames, stored: UnsafeRawBufferPointer(rebasing: room[..<end]))
    }

    /// A file's bytes where they are, or gathered.
    private static func raw(
        _ source: Source, _ index: Int, _ range: Range<Int>, _ worker: borrowing Worker
    ) -> UnsafeRawBufferPointer {
        if let inPlace = source.bytes.contiguous(range) { return UnsafeRawBufferPointer(inPlace) }
        let gathered = worker.gathered(index)
        source.bytes.gather(range, into: gathered.baseAddress!)
        return UnsafeRawBufferPointer(rebasing: gathered[..<range.count])
    }
}
