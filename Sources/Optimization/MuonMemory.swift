import Kernels
import Synchronization

/// Memory that workers orthogonalize in, kept from step to step.
final class MuonMemory: Sendable {
    private let count: Int
    private let buffers = Mutex<[FloatBuffer]>([])

    /// - Parameter count: floats of the largest matrix's.
    init(count: Int) { self.count = count }

    /// One for each worker.
    func buffers(_ workers: Int) -> [FloatBuffer] {
        buffers.withLock { buffers in
            while buffers.count < workers { buffers.append(FloatBuffer(count: count)) }
            return buffers
        }
    }
}
