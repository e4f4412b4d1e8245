/// Compresses files of a checkpoint and writes them, in rounds of one frame of every file, on several threads.
enum FileEncoder {
    /// Bytes of content per frame: large enough for LZ4, small enough for a core's second-level cache.
    static let frameBytes = 1 << 20
    /// Frames whose checksums are computed together, which takes as long as one.
    private static let framesAtOnce = 4

    struct Source: Sendable {
        var fileName: String
        var bytes: ByteSegments
        var transform: TensorTransform
        /// Whether the manifest is to name the SHA-256 of the content, beside that of the stored bytes.
        var hashesContent: Bool

        var frameCount: Int { max(1, (bytes.byteCount + frameBytes - 1) / frameBytes) }
    }

    /// What is known about a file so far. Guarded by the turns of the lane that hashes its stored bytes.
    private final class Progress: @unchecked Sendable {
        var frames: [CheckpointManifest.Frame] = []
        var storedBytes = 0
    }

    /// One file's part of a round.
    private struct Part {
        var source: Int
        var raw = UnsafeRawBufferPointer(start: nil, count: 0)
        /// What is compressed: the raw bytes, or what the transform made of them.
        var content = UnsafeRawBufferPointer(start: nil, count: 0)
        var exponent: UInt8 = 0
        var stored = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// Memory of one thread: transformed frames, then a compressed one of every file, then a gathered one of every file,
    /// which is hardly ever touched.
    private struct Worker: ~Copyable {
        /// A multiple of the alignment, so that what is compressed can be written from where it is.
        private static let compressedBytes = FrameCodec.maximumStoredBytes(frameBytes)
        private static let transformedBytes = frameBytes * framesAtOnce
        private let sources: Int
        private let memory: ScratchMemory
        private let pool: ScratchPool
        let compressor = FrameCodec.Compressor()

        init(sources: Int, pool: ScratchPool) {
            self.sources = sources
            self.pool = pool
            memory = pool.take(byteCount: Self.transformedBytes + sources * (Self.compressedBytes + frameBytes))
        }

        deinit { pool.giveBack(memory) }

        /// For the transformed content of one of the files that are compressed together.
        func transformed(_ index: Int) -> UnsafeMutableRawBufferPointer { part(index * frameBytes, frameBytes) }

        func compressed(_ source: Int) -> UnsafeMutableRawBufferPointer {
            part(Self.transformedBytes + source * Self.compressedBytes, Self.compressedBytes)
        }

        /// For a file's raw bytes, where they do not lie together.
        func gathered(_ source: Int) -> UnsafeMutableRawBufferPointer {
            part(Self.transformedBytes + sources * Self.compressedBytes + source * frameBytes, frameBytes)
        }

        private func part(_ start: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
            .init(rebasing: memory.bytes[start..<(start + count)])
        }
    }

    /// Writes every source to the output of the same index.
    static func encode(
        _ sources: [Source], to outputs: [OutputFile], threads: Int, scratch: ScratchPool
    ) throws -> [CheckpointManifest.File] {
        let digests = DigestLanes(hashesContent: sources.map(\.hashesContent))
        let progress = sources.map { _ in Progress() }
        let rounds = sources.map(\.frameCount).max() ?? 0
        let sourceCount = sources.count
        let makeWorker: @Sendable () -> Worker = { Worker(sources: sourceCount, pool: scratch) }
        try OrderedWork.run(count: rounds, threads: threads, lanes: digests.count, workers: makeWorker) {
            work, worker, round in
            let parts = compress(sources, round: round, worker)
            for lane in 0..<digests.count {
                try work.inTurn(lane: lane, turn: round) {
                    digests.update(lane: lane) { stream in
                        guard let part = parts[stream.file] else { return .init(start: nil, count: 0) }
                        return stream.isContent ? part.raw : part.stored
                    }
                    for stream in digests.streams(of: lane) where !stream.isContent {
                        guard let part = parts[stream.file] else { continue }
                        progress[stream.file].frames.append(
                            .init(storedBytes: part.stored.count, exponent: Int(part.exponent)))
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

    /// Transforms and compresses a frame of each file that has one in this round.
    private static func compress(_ sources: [Source], round: Int, _ worker: borrowing Worker) -> [Part?] {
        var parts = [Part?](repeating: nil, count: sources.count)
        let present = sources.indices.filter { round < sources[$0].frameCount }
        // Documents are short: beside tensors they would leave most of these alone.
        for kind in TensorTransform.allCases {
            let alike = present.filter { sources[$0].transform == kind }
            for first in stride(from: 0, to: alike.count, by: framesAtOnce) {
                compress(alike[first..<min(first + framesAtOnce, alike.count)], of: sources, round: round, worker) {
                    parts[$0.source] = $0
                }
            }
        }
        return parts
    }

    private static func compress(
        _ indices: ArraySlice<Int>, of sources: [Source], round: Int, _ worker: borrowing Worker, _ body: (Part) -> Void
    ) {
        var parts = indices.enumerated().map { place, source in
            transform(sources[source], source, round: round, place: place, worker)
        }
        let checksums = XXHash32.hash(parts.map(\.content))
        for index in parts.indices {
            let isTensor = sources[parts[index].source].transform != .none
            let frame = worker.compressed(parts[index].source)
            let size = worker.compressor.compress(
                parts[index].content, checksum: checksums[index], into: frame,
                fillsUp: isTensor && parts[index].content.count == frameBytes,
                isNoise: { isTensor && TensorTransform.isNoise($0) })
            parts[index].stored = UnsafeRawBufferPointer(rebasing: frame[..<size])
            body(parts[index])
        }
    }

    private static func transform(
        _ source: Source, _ index: Int, round: Int, place: Int, _ worker: borrowing Worker
    ) -> Part {
        var part = Part(source: index)
        let start = round * frameBytes
        let range = start..<min(start + frameBytes, source.bytes.byteCount)
        if let inPlace = source.bytes.contiguous(range) {
            part.raw = UnsafeRawBufferPointer(inPlace)
        } else {
            let gathered = worker.gathered(index)
            source.bytes.gather(range, into: gathered.baseAddress!)
            part.raw = UnsafeRawBufferPointer(rebasing: gathered[..<range.count])
        }
        part.content = part.raw
        if source.transform == .exponentPlanes, let base = part.raw.baseAddress {
            let transformed = worker.transformed(place)
            part.exponent = TensorTransform.commonExponent(base, count: range.count / 4)
            TensorTransform.encodeExponentPlanes(
                base, count: range.count / 4, exponent: part.exponent, into: transformed.baseAddress!)
            part.content = UnsafeRawBufferPointer(rebasing: transformed[..<range.count])
        }
        return part
    }
}
