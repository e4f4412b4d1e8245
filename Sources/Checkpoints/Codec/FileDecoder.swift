/// Reads files of a checkpoint, in rounds of one frame of every file, on several threads, and verifies their checksums.
enum FileDecoder {
    struct Target: Sendable {
        var input: InputFile
        var file: CheckpointManifest.File
        /// Where the content goes: exactly `file.bytes` bytes. Nil only verifies.
        var destination: ByteSegments?
        /// Whether the SHA-256 of the content is wanted though none is recorded.
        var hashesContent = false
    }

    /// One file's part of a round.
    private struct Part {
        var stored: UnsafeRawBufferPointer
        var content: UnsafeRawBufferPointer
    }

    /// Memory of one thread: a transformed frame, then a stored one of every file, then the content of one of every file,
    /// which is touched only where the caller has no memory for it that lies together.
    private struct Worker: ~Copyable {
        private let targets: Int
        private let frameBytes: Int
        private let storedBytes: Int
        private let memory: ScratchMemory
        let decompressor = FrameCodec.Decompressor()

        init(targets: Int, frameBytes: Int) {
            self.targets = targets
            self.frameBytes = frameBytes
            storedBytes = FrameCodec.maximumStoredBytes(frameBytes)
            memory = ScratchMemory(byteCount: frameBytes + targets * (storedBytes + frameBytes))
        }

        /// For what comes out of LZ4, before the transform is reversed.
        func transformed(count: Int) -> UnsafeMutableRawBufferPointer { part(0, count) }

        func stored(_ target: Int, count: Int) -> UnsafeMutableRawBufferPointer {
            part(frameBytes + target * storedBytes, count)
        }

        func content(_ target: Int, count: Int) -> UnsafeMutableRawBufferPointer {
            part(frameBytes + targets * storedBytes + target * frameBytes, count)
        }

        private func part(_ start: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
            .init(rebasing: memory.bytes[start..<(start + count)])
        }
    }

    /// - Parameter everyChecksum: whether the checksums within the frames are compared as well. They say nothing about the
    ///   content that the SHA-256 of the stored bytes does not, which is always compared.
    /// - Returns: the SHA-256 of each target's content, where one is recorded or wanted.
    /// - Throws: `CheckpointError.damaged` naming the file whose content is not what was written.
    @discardableResult
    static func decode(_ targets: [Target], threads: Int, everyChecksum: Bool = false) throws -> [String?] {
        let digests = DigestLanes(hashesContent: targets.map { $0.file.sha256 != nil || $0.hashesContent })
        let rounds = targets.map(\.file.frames.count).max() ?? 0
        let frameBytes = targets.map(\.file.frameBytes).max() ?? 1024
        let offsets = targets.map { target in
            target.file.frames.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.storedBytes) }
        }
        let targetCount = targets.count
        let makeWorker: @Sendable () -> Worker = { Worker(targets: targetCount, frameBytes: frameBytes) }
        try OrderedWork.run(count: rounds, threads: threads, lanes: digests.count, workers: makeWorker) {
            work, worker, round in
            let parts = try targets.indices.map { index in
                round < targets[index].file.frames.count
                    ? try decode(
                        targets[index], index, round: round, offset: offsets[index][round], worker,
                        everyChecksum: everyChecksum) : nil
            }
            for lane in 0..<digests.count {
                try work.inTurn(lane: lane, turn: round) {
                    digests.update(lane: lane) { stream in
                        guard let part = parts[stream.file] else { return .init(start: nil, count: 0) }
                        return stream.isContent ? part.content : part.stored
                    }
                }
            }
        }
        let hashes = digests.finish()
        return try targets.enumerated().map { index, target in
            let content = hashes[.init(file: index, isContent: true)]
            guard hashes[.init(file: index, isContent: false)] == target.file.storedSHA256,
                target.file.sha256 == nil || target.file.sha256 == content
            else {
                throw CheckpointError.damaged(path: target.input.path, reason: "its SHA-256 is not the recorded one")
            }
            return content
        }
    }

    private static func decode(
        _ target: Target, _ index: Int, round: Int, offset: Int, _ worker: borrowing Worker, everyChecksum: Bool
    ) throws -> Part {
        let range = target.file.rawRange(ofFrame: round)
        let frame = target.file.frames[round]
        let stored = worker.stored(index, count: frame.storedBytes)
        try target.input.read(at: offset, into: stored)
        let inPlace = target.destination?.contiguous(range)
        let content = inPlace ?? worker.content(index, count: range.count)
        do {
            try decode(
                UnsafeRawBufferPointer(stored), frame, target.file.transform, worker, checksum: everyChecksum,
                into: content)
        } catch let flaw as FrameCodec.Flaw {
            throw CheckpointError.damaged(path: target.input.path, reason: flaw.reason)
        }
        if inPlace == nil, let destination = target.destination, let base = content.baseAddress {
            destination.scatter(base, to: range)
        }
        return Part(stored: UnsafeRawBufferPointer(stored), content: UnsafeRawBufferPointer(content))
    }

    private static func decode(
        _ stored: UnsafeRawBufferPointer, _ frame: CheckpointManifest.Frame, _ transform: TensorTransform,
        _ worker: borrowing Worker, checksum: Bool, into content: UnsafeMutableRawBufferPointer
    ) throws {
        switch transform {
        case .none: try worker.decompressor.decompress(stored, into: content, checksum: checksum)
        case .bitPlanes, .exponentPlanes:
            let transformed = worker.transformed(count: content.count)
            try worker.decompressor.decompress(stored, into: transformed, checksum: checksum)
            guard let source = transformed.baseAddress, let destination = content.baseAddress else { return }
            let restore =
                transform == .bitPlanes ? TensorTransform.decodeBitPlanes : TensorTransform.decodeExponentPlanes
            restore(source, content.count / 4, UInt8(truncatingIfNeeded: frame.exponent), destination)
        }
    }
}
