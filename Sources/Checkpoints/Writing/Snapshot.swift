import Foundation

/// A copy of a checkpoint's tensors, so that training can go on while they are written.
final class Snapshot: @unchecked Sendable {
    private let memory: UnsafeMutableRawBufferPointer
    /// One contiguous piece for every group.
    let groups: [ByteSegments]

    /// Copies the tensors on all cores.
    init(of groups: [ByteSegments]) throws {
        let total = groups.reduce(0) { $0 + ($1.byteCount + 63) / 64 * 64 }
        // Mapped rather than allocated: lack of memory is then an error instead of a trap, and the pages go back to
        // the system as soon as the checkpoint is written.
        guard
            let base = mmap(nil, max(total, 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            base != MAP_FAILED
        else {
            throw CheckpointError.system(operation: "copy the tensors in memory", path: "checkpoint", code: errno)
        }
        madvise(base, total, Int32(MADV_HUGEPAGE))
        memory = UnsafeMutableRawBufferPointer(start: base, count: max(total, 1))
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

    deinit { munmap(memory.baseAddress, memory.count) }
}

/// Carries a value into a closure that runs on other threads but ends before its caller does.
struct UncheckedBox<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
