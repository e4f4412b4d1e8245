import Foundation

/// Puts one checkpoint into a directory such that it is there whole or not at all, whenever the machine stops.
///
/// Everything is written to a temporary directory and synced, file by file and then the directory; a rename publishes
/// it, and the parent is synced so that the rename lasts. If the step exists already, the existing checkpoint stays if
/// it is sound and holds the same; otherwise it is renamed away, replaced, and only then removed. A crash between
/// those two renames is mended by `CheckpointDirectory.prepare`, which puts it back.
struct Publication {
    let directory: CheckpointDirectory
    let retention: Retention
    let system: any StorageSystem
    let scratch: ScratchPool

    /// - Throws: `CheckpointError`; then the temporary directory is gone and all else is as it was.
    func publish(_ plan: CheckpointPlan, tensors: [ByteSegments], threads: Int) throws -> CheckpointManifest {
        let temporary = "\(directory.path)/\(CheckpointDirectory.Leftover.name(.temporary, step: plan.step))"
        do {
            if try FileSystem.exists(temporary) { try FileSystem.removeTree(temporary) }
            try FileSystem.createDirectory(temporary)
            try system.reached(.temporaryDirectoryCreated)
            let manifest = try write(plan, tensors: tensors, threads: threads, to: temporary)
            return try moveIntoPlace(temporary, manifest)
        } catch {
            if !(error is SimulatedCrash) { try? FileSystem.removeTree(temporary) }
            throw error
        }
    }

    private func write(
        _ plan: CheckpointPlan, tensors: [ByteSegments], threads: Int, to temporary: String
    ) throws -> CheckpointManifest {
        let documents = plan.documents.map { document in
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: document.bytes.count, alignment: 1)
            copy.copyBytes(from: document.bytes)
            return copy
        }
        defer { for memory in documents { memory.deallocate() } }
        var sources = zip(plan.groupNames, tensors).map { name, bytes in
            FileEncoder.Source(fileName: name + ".lz4", bytes: bytes, transform: .exponentPlanes, hashesContent: false)
        }
        for (document, memory) in zip(plan.documents, documents) {
            var bytes = ByteSegments()
            bytes.append(memory.baseAddress, byteCount: memory.count)
            sources.append(.init(fileName: document.name + ".lz4", bytes: bytes, transform: .none, hashesContent: true))
        }
        let outputs = try sources.map {
            try CheckpointFile(
                creating: "\(temporary)/\($0.fileName)", system: system,
                direct: $0.bytes.byteCount >= FileEncoder.directBytes && $0.transform != .none)
        }
        let files = try FileEncoder.encode(sources, to: outputs, threads: threads, scratch: scratch)
        try system.reached(.filesWritten)
        let manifest = plan.manifest(files: files, retention: retention, created: Date())
        let json = try manifest.encoded()
        let digest = json.withUnsafeBytes { SHA256Hasher.digest($0) }
        try write(json, to: "\(temporary)/\(CheckpointManifest.fileName)")
        try write(
            Array(manifest.checksums(manifestSHA256: digest).utf8),
            to: "\(temporary)/\(CheckpointManifest.checksumsFileName)")
        for output in outputs { try output.syncAndClose() }
        try FileSystem.syncDirectory(temporary, system)
        try system.reached(.directorySynced)
        return manifest
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        let file = try CheckpointFile(creating: path, system: system)
        try bytes.withUnsafeBytes { try file.write($0) }
        try file.syncAndClose()
    }

    private func moveIntoPlace(_ temporary: String, _ manifest: CheckpointManifest) throws -> CheckpointManifest {
        let target = directory.path(ofStep: manifest.step)
        guard try FileSystem.exists(target) else {
            try FileSystem.rename(temporary, to: target, system)
            try system.reached(.published)
            try FileSystem.syncDirectory(directory.path, system)
            try system.reached(.parentSynced)
            return manifest
        }
        if let existing = try? CheckpointReader(path: target), existing.manifest.holdsTheSame(as: manifest),
            (try? existing.verify()) != nil
        {
            // It may be there without having been synced.
            try FileSystem.syncDirectory(directory.path, system)
            // What cannot be removed now is cleared away by the next `prepare`.
            try? FileSystem.removeTree(temporary)
            return existing.manifest
        }
        let aside = "\(directory.path)/\(CheckpointDirectory.Leftover.name(.replaced, step: manifest.step))"
        if try FileSystem.exists(aside) { try FileSystem.removeTree(aside) }
        try FileSystem.rename(target, to: aside, system)
        do {
            try system.reached(.previousSetAside)
            try FileSystem.rename(temporary, to: target, system)
        } catch {
            if !(error is SimulatedCrash) { try FileSystem.rename(aside, to: target, PosixStorageSystem()) }
            throw error
        }
        try system.reached(.published)
        try FileSystem.syncDirectory(directory.path, system)
        try system.reached(.parentSynced)
        try? FileSystem.removeTree(aside)
        return manifest
    }

    /// Removes the checkpoints that the retention does not keep, except one.
    ///
    /// - Parameter newest: the step of the one that was published last, which is known to be sound.
    /// - Returns: the steps that were removed.
    func prune(newest: Int) throws -> [Int] {
        let entries = try directory.entries()
        // A damaged checkpoint must not take the place of a sound one among the newest. It stays for its owner to look
        // at until enough newer ones are there.
        var staying: Set<Int> = [newest]
        var recent = 0
        for entry in entries.reversed() where recent < retention.keepLast {
            staying.insert(entry.step)
            if (try? CheckpointReader(path: entry.path)) != nil { recent += 1 }
        }
        staying.formUnion(retention.anchors(of: staying))
        let surplus = entries.filter { !staying.contains($0.step) && !retention.isMilestone($0.step) }
        guard !surplus.isEmpty else { return [] }
        var trashes: [String] = []
        for entry in surplus {
            let trash = "\(directory.path)/\(CheckpointDirectory.Leftover.name(.trash, step: entry.step))"
            if try FileSystem.exists(trash) { try FileSystem.removeTree(trash) }
            // A rename first, so that a crash while removing never leaves half a checkpoint under a good name.
            try FileSystem.rename(entry.path, to: trash, system)
            trashes.append(trash)
        }
        // Nor a power failure, behind which the files might be gone and the good name still there.
        try FileSystem.syncDirectory(directory.path, system)
        try system.reached(.pruningStarted)
        for trash in trashes { try FileSystem.removeTree(trash) }
        try system.reached(.pruned)
        return surplus.map(\.step)
    }
}

/// Thrown by a test's storage system to stop a write as a crash would: nothing is cleaned up.
package struct SimulatedCrash: Error {
    package init() {}
}
