import Foundation

extension Kernels {
    /// This machine's speed at the products that models consist of, measured: the yardstick of `utilisation`.
    ///
    /// - Returns: floating-point operations per second of as many threads of the pool as there are processors for, each
    ///   multiplying its own 1024 × 1024 matrices; the best of several rounds, about 0.2 s in all.
    public static func measurePeak(_ pool: ThreadPool, rounds: Int = 6) -> Double {
        let size = 1024
        let threads = min(pool.threadCount, ProcessInfo.processInfo.activeProcessorCount)
        let buffers = (0..<threads).map { _ in FloatBuffer(count: 3 * size * size) }
        for buffer in buffers {
            for i in 0..<(2 * size * size) { buffer.base[i] = Float(i % 13) * 0.0625 - 0.375 }
        }
        var best = 0.0
        for _ in 0..<rounds {
            let started = DispatchTime.now().uptimeNanoseconds
            pool.run(threads) { task, _ in
                let base = buffers[task].base
                let a = Matrix(base, rows: size, columns: size)
                let b = Matrix(base + size * size, rows: size, columns: size)
                multiply(a, transposed: b, into: Matrix(base + 2 * size * size, rows: size, columns: size))
            }
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - started) * 1e-9
            best = max(best, Double(threads) * 2 * Double(size * size * size) / seconds)
        }
        return best
    }
}
