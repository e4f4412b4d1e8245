/// Reads files of a checkpoint, frame by frame on several threads, and verifies all of their checksums.
enum FileDecoder {
    struct Target: Sendable {
        var input: InputFile
        var file: CheckpointManifest.File
        /// Where the content goes: exactly `file.bytes` bytes. Nil only verifies.
        var destination: ByteSegments?
    }

    private struct Item {
        var file: Int
        var frame: Int
        var offset: Int
    }

    private final class Progress: @unchecked Sendable {
        let raw = SHA256Hasher()
        let stored = SHA256Hasher()
    }

    private struct Worker: ~Copyable {
        let stored: ScratchMemory
        let transformed: ScratchMemory
        let content: ScratchMemory
        let decompressor = FrameCodec.Decompressor()

        init(frameBytes: Int) {
            stored = ScratchMemory(byteCount: FrameCodec.maximumStoredBytes(frameBytes))
            transformed = ScratchMemory(byteCount: frameBytes)
            content = ScratchMemory(byteCount: frameBytes)
        }
    }

    /// - Parameter everyByte: whether the SHA-256 of the stored bytes and the checksums of the frames are checked as
    ///   well. They cost twice as much again and say nothing more about the content, whose own SHA-256 is always
    ///   checked.
    /// - Throws: `CheckpointError.damaged` naming the file whose content is not what was written.
    static func decode(_ targets: [Target], threads: Int, everyByte: Bool = false) throws {
        let items = interleaved(targets)
        let progress = targets.map { _ in Progress() }
        let frameBytes = targets.map(\.file.frameBytes).max() ?? 1024
        let makeWorker: @Sendable () -> Worker = { Worker(frameBytes: frameBytes) }
        try OrderedWork.run(
            count: items.count, threads: threads, lanes: targets.count * 2,
            workers: makeWorker
        ) { work, worker, index in
            let item = items[index]
            let target = targets[item.file]
            let range = target.file.rawRange(ofFrame: item.frame)
            let frame = target.file.frames[item.frame]
            let stored = UnsafeMutableRawBufferPointer(rebasing: worker.stored.bytes[..<frame.storedBytes])
            try target.input.read(at: item.offset, into: stored)
            let inPlace = target.destination?.contiguous(range)
            let content = inPlace ?? UnsafeMutableRawBufferPointer(rebasing: worker.content.bytes[..<range.count])
            do {
                try decode(stored, frame, target.file.transform, &worker, checksum: everyByte, into: content)
            } catch let flaw as FrameCodec.Flaw {
                throw CheckpointError.damaged(path: target.input.path, reason: flaw.reason)
            }
            if inPlace == nil, let destination = target.destination, let base = content.baseAddress {
                destination.scatter(base, to: range)
            }
            let state = progress[item.file]
            try work.inTurn(lane: item.file * 2, turn: item.frame) {
                state.raw.update(UnsafeRawBufferPointer(content))
            }
            guard everyByte else { return }
            try work.inTurn(lane: item.file * 2 + 1, turn: item.frame) {
                state.stored.update(UnsafeRawBufferPointer(stored))
            }
        }
        for (target, state) in zip(targets, progress) {
            guard state.raw.finish() == target.file.sha256,
                !everyByte || state.stored.finish() == target.file.storedSHA256
            else {
                throw CheckpointError.damaged(path: target.input.path, reason: "its SHA-256 is not the recorded one")
            }
        }
    }

    private static func decode(
        _ stored: UnsafeMutableRawBufferPointer, _ frame: CheckpointManifest.Frame, _ transform: TensorTransform,
        _ worker: inout Worker, checksum: Bool, into content: UnsafeMutableRawBufferPointer
    ) throws(FrameCodec.Flaw) {
        switch transform {
        case .none:
            try worker.decompressor.decompress(
                UnsafeRawBufferPointer(stored), into: content, checksum: checksum)
        case .bitPlanes:
            let transformed = UnsafeMutableRawBufferPointer(rebasing: worker.transformed.bytes[..<content.count])
            try worker.decompressor.decompress(
                UnsafeRawBufferPointer(stored), into: transformed, checksum: checksum)
            guard let source = transformed.baseAddress, let destination = content.baseAddress else { return }
            TensorTransform.decodeBitPlanes(
                source, count: content.count / 4, exponent: UInt8(truncatingIfNeeded: frame.exponent),
                into: destination)
        }
    }

    private static func interleaved(_ targets: [Target]) -> [Item] {
        var items: [Item] = []
        var offsets = targets.map { _ in 0 }
        let rounds = targets.map(\.file.frames.count).max() ?? 0
        for frame in 0..<rounds {
            for file in targets.indices where frame < targets[file].file.frames.count {
                items.append(Item(file: file, frame: frame, offset: offsets[file]))
                offsets[file] += targets[file].file.frames[frame].storedBytes
            }
        }
        return items
    }
}
