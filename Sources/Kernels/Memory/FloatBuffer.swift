#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An owned, zero-initialised array of floats, aligned to cache lines and, when large, backed by huge pages.
///
/// Sharing it between threads is the caller's business: tasks of one parallel region write disjoint parts.
public final class FloatBuffer: @unchecked Sendable {
    public let base: UnsafeMutablePointer<Float>
    public let count: Int

    public init(count: Int) {
        let pageSize = 2 << 20
        let bytes = max(count, 1) * MemoryLayout<Float>.stride
        let alignment = bytes >= pageSize ? pageSize : 64
        let rounded = (bytes + alignment - 1) / alignment * alignment
        let raw = UnsafeMutableRawPointer.allocate(byteCount: rounded, alignment: alignment)
        #if os(Linux)
            if alignment == pageSize { madvise(raw, rounded, Int32(MADV_HUGEPAGE)) }
        #endif
        memset(raw, 0, rounded)
        base = raw.bindMemory(to: Float.self, capacity: count)
        self.count = count
    }

    deinit { UnsafeMutableRawPointer(base).deallocate() }

    public var elements: UnsafeMutableBufferPointer<Float> { .init(start: base, count: count) }

    public func zero() { memset(base, 0, count * MemoryLayout<Float>.stride) }
}
