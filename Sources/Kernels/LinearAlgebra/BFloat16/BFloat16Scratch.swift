import Foundation

/// A thread's own memory for operands that are rounded for one product. It grows to the largest and is given back with the
/// thread.
final class BFloat16Scratch {
    private var buffers: [UnsafeMutableRawBufferPointer?] = [nil, nil]

    /// - Parameter operand: 0 or 1; each has its own.
    func memory(_ operand: Int, byteCount: Int) -> UnsafeMutableRawPointer {
        if let known = buffers[operand], known.count >= byteCount, let base = known.baseAddress { return base }
        buffers[operand]?.deallocate()
        let new = UnsafeMutableRawBufferPointer.allocate(byteCount: max(byteCount, 1 << 16), alignment: 64)
        buffers[operand] = new
        return new.baseAddress!
    }

    deinit { for buffer in buffers { buffer?.deallocate() } }

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let failure = pthread_key_create(&key) { pointer in
            if let pointer { Unmanaged<BFloat16Scratch>.fromOpaque(pointer).release() }
        }
        precondition(failure == 0, "no key for a thread's memory: error \(failure)")
        return key
    }()

    /// The calling thread's.
    static var current: BFloat16Scratch {
        if let known = pthread_getspecific(key) {
            return Unmanaged<BFloat16Scratch>.fromOpaque(known).takeUnretainedValue()
        }
        let new = BFloat16Scratch()
        pthread_setspecific(key, Unmanaged.passRetained(new).toOpaque())
        return new
    }
}
