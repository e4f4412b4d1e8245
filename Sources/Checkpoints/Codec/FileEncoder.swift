/// Compresses files of a checkpoint and writes them, frame by frame on several threads.
enum FileEncoder {
    /// Bytes of content per frame: large enough for LZ4, small enough for a core's second-level cache.
    static let frameBytes = 1 << 20

    struct Source: Sendable {
        var fileName: String
        var bytes: ByteSegments
        var transform: TensorTransform

        var frameCount: Int { max(1, (bytes.byteCount + frameBytes - 1) / frameBytes) }
    }

    private struct Item {
        var file: Int
        var frame: Int
    }

    /// What is known about a file so far. Guarded by the turns of its two lanes: `raw` by one, the rest by the other.
    private final class Progress: @unchecked Sendable {
        let raw = SHA256Hasher()
        let stored = SHA256Hasher()
        var frames: [CheckpointManifest.Frame] = []
        var storedBytes = 0
    }

    private struct Worker: ~Copyable {
        let gathered = ScratchMemory(byteCount: frameBytes)
        let transformed = ScratchMemory(byteCount: frameBytes)
        let compressed = ScratchMemory(byteCount: FrameCodec.maximumStoredBytes(frameBytes))
    }

    /// Writes every source to the output of the same index.
    static func encode(
        _ sources: [Source], to outputs: [OutputFile], threads: Int
    ) throws -> [CheckpointManifest.File] {
        let items = interleaved(sources)
        let progress = sources.map { _ in Progress() }
        try OrderedWork.run(
            count: items.count, threads: threads, lanes: sources.count * 2, workers: Worker.init
        ) { work, worker, index in
            let item = items[index]
            let source = sources[item.file]
            let state = progress[item.file]
            let start = item.frame * frameBytes
            let range = start..<min(start + frameBytes, source.bytes.byteCount)
            let raw: UnsafeRawBufferPointer
            if let inPlace = source.bytes.contiguous(range) {
                raw = UnsafeRawBufferPointer(inPlace)
            } else {
                source.bytes.gather(range, into: worker.gathered.bytes.baseAddress!)
                raw = UnsafeRawBufferPointer(rebasing: worker.gathered.bytes[..<range.count])
            }
            var exponent: UInt8 = 0
            var content = raw
            if source.transform == .bitPlanes, let base = raw.baseAddress {
                exponent = TensorTransform.commonExponent(base, count: range.count / 4)
                TensorTransform.encodeBitPlanes(
                    base, count: range.count / 4, exponent: exponent, into: worker.transformed.bytes.baseAddress!)
                content = UnsafeRawBufferPointer(rebasing: worker.transformed.bytes[..<range.count])
            }
            let storedBytes = FrameCodec.compress(content, into: worker.compressed.bytes)
            let stored = UnsafeRawBufferPointer(rebasing: worker.compressed.bytes[..<storedBytes])
            try work.inTurn(lane: item.file * 2, turn: item.frame) { state.raw.update(raw) }
            try work.inTurn(lane: item.file * 2 + 1, turn: item.frame) {
                state.stored.update(stored)
                state.frames.append(.init(storedBytes: storedBytes, exponent: Int(exponent)))
                state.storedBytes += storedBytes
                try outputs[item.file].write(stored)
            }
        }
        return zip(sources, progress).map { source, state in
            CheckpointManifest.File(
                file: source.fileName, bytes: source.bytes.byteCount, sha256: state.raw.finish(),
                storedBytes: state.storedBytes, storedSHA256: state.stored.finish(), transform: source.transform,
                frameBytes: frameBytes, frames: state.frames)
        }
    }

    /// Frames of all files in turn, so that the ordered work of one file overlaps that of another.
    private static func interleaved(_ sources: [Source]) -> [Item] {
        var items: [Item] = []
        let rounds = sources.map(\.frameCount).max() ?? 0
        for frame in 0..<rounds {
            for file in sources.indices where frame < sources[file].frameCount {
                items.append(Item(file: file, frame: frame))
            }
        }
        return items
    }
}
