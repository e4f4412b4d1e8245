import Foundation

/// Memory for copies of a checkpoint's tensors, used for one after the other: fresh pages cost more than the copy.
final class SnapshotMemory: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let byteCount: Int

    /// - Throws: `CheckpointError.system`. Mapped rather than allocated: lack of memory is then an error instead of a
    ///   trap.
    init(byteCount: Int, system: any StorageSystem) throws {
        self.byteCount = max(byteCount, 1)
        guard let base = system.map(self.byteCount) else {
            throw CheckpointError.system(operation: "copy the tensors in memory", path: "checkpoint", code: errno)
        }
        madvise(base, self.byteCount, Int32(MADV_HUGEPAGE))
        self.base = base
    }

    /// Lets the system take the pages back when it needs them; what is not taken is there for the next copy.
    func yield() { madvise(base, byteCount, Int32(MADV_FREE)) }

    deinit { munmap(base, byteCount) }
}

/// A copy of a checkpoint's tensors, so that training can go on while they are written.
final class Snapshot: Sendable {
    let memory: SnapshotMemory
    /// One contiguous piece for every group.
    let groups: [ByteSegments]

    /// Copies the tensors on all cores.
    ///
    /// - Parameter spare: memory of an earlier snapshot, used if it has the right size.
    init(of groups: [ByteSegments], reusing spare: SnapshotMemory?, system: any StorageSystem) throws {
        let total = max(1, groups.reduce(0) { $0 + ($1.byteCount + 63) / 64 * 64 })
        memory =
            try spare.flatMap { $0.byteCount == total ? $0 : nil } ?? SnapshotMemory(byteCount: total, system: system)
        let base = memory.base
        var copies: [ByteSegments] = []
        var pieces: [(source: ByteSegments, range: Range<Int>, destination: Int)] = []
        var offset = 0
        for group in groups {
            var copy = ByteSegments()
            copy.append(base + offset, byteCount: group.byteCount)
            copies.append(copy)
            for start in stride(from: 0, to: group.byteCount, by: 4 << 20) {
                pieces.append((group, start..<min(start + (4 << 20), group.byteCount), offset + start))
            }
            offset += (group.byteCount + 63) / 64 * 64
        }
        self.groups = copies
        let work = UncheckedBox((pieces, base))
        DispatchQueue.concurrentPerform(iterations: pieces.count) { index in
            let (pieces, base) = work.value
            pieces[index].source.gather(pieces[index].range, into: base + pieces[index].destination)
        }
    }
}

/// Carries a value into a closure that runs on other threads but ends before its caller does.
struct UncheckedBox<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
