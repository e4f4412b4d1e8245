#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An owned, zero-initialised array of floats, aligned to cache lines.
///
/// A large one is mapped instead of allocated: huge pages serve it where the system has them, and pages that are never
/// touched (moments of a model that is only evaluated) cost nothing. Sharing it between threads is the caller's
/// business: tasks of one parallel region write disjoint parts.
public final class FloatBuffer: @unchecked Sendable {
    public let base: UnsafeMutablePointer<Float>
    public let count: Int

    private let mapping: (start: UnsafeMutableRawPointer, byteCount: Int)?
    private static let hugePage = 2 << 20

    /// - Parameter isSparse: whether parts of it, here and there, may never be touched: then small pages, so that it takes what is
    ///   touched.
    public init(count: Int, isSparse: Bool = false) {
        self.count = count
        let bytes = max(count, 1) * MemoryLayout<Float>.stride
        guard bytes >= Self.hugePage else {
            let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
            memset(raw, 0, bytes)
            base = raw.bindMemory(to: Float.self, capacity: count)
            mapping = nil
            return
        }
        let length = bytes + Self.hugePage
        guard let start = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            start != MAP_FAILED
        else { preconditionFailure("out of memory: \(bytes) bytes are not to be had") }
        let aligned = start.alignedUp(toMultipleOf: Self.hugePage)
        #if os(Linux)
            madvise(aligned, bytes, Int32(isSparse ? MADV_NOHUGEPAGE : MADV_HUGEPAGE))
        #endif
        base = aligned.bindMemory(to: Float.self, capacity: count)
        mapping = (start, length)
    }

    deinit {
        if let mapping {
            munmap(mapping.start, mapping.byteCount)
        } else {
            UnsafeMutableRawPointer(base).deallocate()
        }
    }

    /// The floats, which stay as long as this does. Whoever reads through `base` keeps the buffer.
    public var elements: Elements { Elements(buffer: self) }

    public struct Elements: RandomAccessCollection, MutableCollection {
        fileprivate let buffer: FloatBuffer

        public var startIndex: Int { 0 }
        public var endIndex: Int { buffer.count }

        public subscript(index: Int) -> Float {
            get {
                require(index)
                return buffer.base[index]
            }
            nonmutating set {
                require(index)
                buffer.base[index] = newValue
            }
        }

        private func require(_ index: Int) {
            precondition(indices.contains(index), "\(index) is not in a buffer of \(buffer.count)")
        }
    }

    /// The floats for what fills them at once. The caller keeps the buffer.
    public var unsafeElements: UnsafeMutableBufferPointer<Float> { .init(start: base, count: count) }

    public func zero() { memset(base, 0, count * MemoryLayout<Float>.stride) }
}
