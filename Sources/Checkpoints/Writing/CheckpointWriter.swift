import Foundation
import Synchronization

/// Writes checkpoints into a `CheckpointDirectory`, in the background or at once, and prunes old ones afterwards.
///
/// One writer per directory. At most one checkpoint is in flight: a second request waits for the first, because
/// dropping it silently would lose a checkpoint and queueing it would hold a second copy of the model. A failure in
/// the background is thrown by the next call, once; previous checkpoints are then untouched and training may go on.
public final class CheckpointWriter: Sendable {
    public let directory: CheckpointDirectory
    public let retention: Retention
    let threads: Int
    let system: any StorageSystem

    private struct State {
        var failure: (any Error)?
        var last: PublishedCheckpoint?
        var pruningFailures: [String] = []
        /// Of the last snapshot, for the next one.
        var spare: SnapshotMemory?
    }

    private let state = Mutex(State())
    private let scratch = ScratchPool()
    private let queue = DispatchQueue(label: "checkpoints")
    private let inFlight = DispatchGroup()

    /// - Parameters:
    ///   - directory: see `CheckpointDirectory.prepare`, which must have been called.
    ///   - threads: threads of a background write, which compete with training; a direct write uses all cores.
    public convenience init(directory: CheckpointDirectory, retention: Retention = Retention(), threads: Int = 1) {
        self.init(directory: directory, retention: retention, threads: threads, system: PosixStorageSystem())
    }

    package init(
        directory: CheckpointDirectory, retention: Retention, threads: Int, system: any StorageSystem
    ) {
        self.directory = directory
        self.retention = retention
        self.threads = max(1, threads)
        self.system = system
    }

    /// The newest checkpoint that this writer has published.
    public var lastPublished: PublishedCheckpoint? { state.withLock { $0.last } }

    /// Why old checkpoints could not be removed after writes since this was asked last; the new ones are safe all the same.
    ///
    /// Waits for nothing: of a checkpoint that is still being written there is nothing yet.
    public func takePruningFailures() -> [String] {
        state.withLock { state in
            defer { state.pruningFailures = [] }
            return state.pruningFailures
        }
    }

    /// Copies the tensors, then returns while another thread writes them.
    ///
    /// Waits for a checkpoint that is still being written. The caller may change the tensors once this returns. Where there is no
    /// memory for the copy, it writes them at once.
    ///
    /// - Throws: the failure of an earlier background write; otherwise a `CheckpointError` for these contents.
    public func writeInBackground(_ contents: CheckpointContents) throws {
        try waitUntilIdle()
        let plan = try CheckpointPlan(contents)
        try checkSpace(for: plan)
        let started = ContinuousClock.now
        let snapshot: Snapshot
        do {
            snapshot = try Snapshot(of: plan.groups, reusing: state.withLock { $0.spare }, system: system)
        } catch CheckpointError.system(_, _, ENOMEM) {
            _ = try publish(plan, tensors: plan.groups, threads: threads, copying: .zero)
            return
        }
        let copying = started.duration(to: .now)
        queue.async(group: inFlight) { [self] in
            do {
                try publish(plan, tensors: snapshot.groups, threads: threads, copying: copying)
            } catch {
                state.withLock { $0.failure = error }
            }
            snapshot.memory.yield()
            state.withLock { $0.spare = snapshot.memory }
        }
    }

    /// Writes a checkpoint and returns when it is safe on the disk. Needs no copy of the tensors.
    ///
    /// - Throws: the failure of an earlier background write; otherwise a `CheckpointError` for this one.
    @discardableResult
    public func write(_ contents: CheckpointContents) throws -> PublishedCheckpoint {
        try waitUntilIdle()
        let plan = try CheckpointPlan(contents)
        try checkSpace(for: plan)
        return try publish(
            plan, tensors: plan.groups, threads: ProcessInfo.processInfo.activeProcessorCount, copying: .zero)
    }

    /// Removes what the retention does not keep, as after a write; a process that was killed may not have come to it.
    ///
    /// - Parameter newest: the step of the newest checkpoint, which is known to be sound.
    /// - Returns: the steps that were removed.
    @discardableResult
    public func prune(newest: Int) throws -> [Int] {
        try waitUntilIdle()
        return try Publication(directory: directory, retention: retention, system: system, scratch: scratch)
            .prune(newest: newest)
    }

    /// Waits for the checkpoint in flight, if any.
    ///
    /// - Throws: the failure of a background write, once.
    public func waitUntilIdle() throws {
        inFlight.wait()
        let failure = state.withLock { state in
            defer { state.failure = nil }
            return state.failure
        }
        if let failure { throw failure }
    }

    /// Waits for the checkpoint in flight, if any, and returns the newest one.
    @discardableResult
    public func finish() throws -> PublishedCheckpoint? {
        try waitUntilIdle()
        return lastPublished
    }

    @discardableResult
    private func publish(
        _ plan: CheckpointPlan, tensors: [ByteSegments], threads: Int, copying: Duration
    ) throws -> PublishedCheckpoint {
        let started = ContinuousClock.now
        let publication = Publication(
            directory: directory, retention: retention, system: system, scratch: scratch)
        let manifest = try publication.publish(plan, tensors: tensors, threads: threads)
        var published = PublishedCheckpoint(
            step: plan.step, path: directory.path(ofStep: plan.step), manifest: manifest, copying: copying,
            writing: .zero)
        // The checkpoint is safe by now: what goes wrong while pruning must not look like a lost checkpoint.
        do {
            published.prunedSteps = try publication.prune(newest: plan.step)
        } catch {
            state.withLock { $0.pruningFailures.append("\(error)") }
        }
        published.writing = started.duration(to: .now)
        state.withLock { [published] in $0.last = published }
        return published
    }

    /// Refuses early what cannot fit, instead of filling the disk first. Compression is not counted on.
    private func checkSpace(for plan: CheckpointPlan) throws {
        let needed = plan.estimatedBytes
        guard let free = system.freeBytes(directory.path), free < needed else { return }
        throw CheckpointError.diskFull(path: directory.path, neededBytes: needed, freeBytes: free)
    }
}

/// A checkpoint that is safe on the disk.
public struct PublishedCheckpoint: Sendable {
    public var step: Int
    public var path: String
    public var manifest: CheckpointManifest
    /// How long the caller was blocked for the copy of the tensors.
    public var copying: Duration
    /// How long compressing, writing, syncing and pruning took.
    public var writing: Duration
    /// Steps whose checkpoints were removed afterwards.
    public var prunedSteps: [Int] = []
}
