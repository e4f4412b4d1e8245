import Foundation
import Synchronization

/// Memory for one thread, not initialised; on huge pages if it is large.
final class ScratchMemory: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer
    private static let hugePage = 2 << 20

    init(byteCount: Int) {
        let isLarge = byteCount >= Self.hugePage
        bytes = .allocate(byteCount: byteCount, alignment: isLarge ? Self.hugePage : FrameCodec.alignment)
        #if os(Linux)
            if isLarge { madvise(bytes.baseAddress, byteCount, Int32(MADV_HUGEPAGE)) }
        #endif
    }

    /// Lets the system take the pages back when it needs them; what is not taken is there for the next use.
    func yield() {
        let wholePages = bytes.count / FrameCodec.alignment * FrameCodec.alignment
        #if os(Linux)
            madvise(bytes.baseAddress, wholePages, Int32(MADV_FREE))
        #endif
    }

    deinit { bytes.deallocate() }
}

/// Keeps the memory of one thread from one checkpoint to the next: fresh pages cost more than what is done in them.
final class ScratchPool: Sendable {
    private let spare = Mutex<ScratchMemory?>(nil)

    func take(byteCount: Int) -> ScratchMemory {
        let kept = spare.withLock { spare in
            defer { spare = nil }
            return spare
        }
        guard let kept, kept.bytes.count >= byteCount else { return ScratchMemory(byteCount: byteCount) }
        return kept
    }

    func giveBack(_ memory: ScratchMemory) {
        memory.yield()
        spare.withLock { $0 = memory }
    }
}
