import Foundation

extension Kernels {
    /// This machine's speed at the products that models consist of, measured: the yardstick of `utilisation`.
    ///
    /// - Parameter precision: of the operands.
    /// - Returns: floating-point operations per second of as many threads of the pool as there are processors for, each
    ///   multiplying its own 1024 × 1024 matrices; the best of several rounds, about 0.2 s in all.
    public static func measurePeak(
        _ pool: ThreadPool, precision: ProductPrecision = .float32, rounds: Int = 6
    ) -> Double {
        PeakMeter(pool, precision: precision).measure(rounds: rounds)
    }
}

/// Measures the GEMM peak again and again over the same memory: clock rates drift within seconds, so that shares of the
/// peak are only worth something when both were measured side by side.
public struct PeakMeter: Sendable {
    private static let size = 1024
    private let pool: ThreadPool
    private let buffers: [FloatBuffer]
    /// A weight that is rounded already, as in a step; nil in single precision and where there is no such form.
    private let rounded: FloatBuffer?
    private let precision: ProductPrecision

    /// Bytes of the operands of all threads, and of what they share.
    public static func byteCount(_ pool: ThreadPool) -> Int {
        (threadCount(pool) * 3 + 1) * size * size * MemoryLayout<Float>.stride
    }

    private static func threadCount(_ pool: ThreadPool) -> Int {
        min(pool.threadCount, ProcessInfo.processInfo.activeProcessorCount)
    }

    public init(_ pool: ThreadPool, precision: ProductPrecision = .float32) {
        self.pool = pool
        self.precision = precision
        rounded =
            precision.keepsWeights
            ? FloatBuffer(count: BFloat16Weight.count(outputs: Self.size, inputs: Self.size) / 2) : nil
        let count = Self.size * Self.size
        let buffers = (0..<Self.threadCount(pool)).map { _ in FloatBuffer(count: 3 * count) }
        // By the pool's threads, so that each has operands in memory near it, and none waits for all to be filled.
        pool.run(buffers.count) { task, _ in
            for i in 0..<(2 * count) { buffers[task].base[i] = Float(i % 13) * 0.0625 - 0.375 }
        }
        self.buffers = buffers
        if let rounded, let first = buffers.first {
            let weight = BFloat16Weight(rounded, outputs: Self.size, inputs: Self.size)
            let matrix = Matrix(first.base + count, rows: Self.size, columns: Self.size)
            pool.run(weight.partCount) { part, _ in weight.round(matrix, part: part) }
        }
    }

    /// - Returns: floating-point operations per second of all threads, the best of the rounds.
    public func measure(rounds: Int) -> Double {
        let size = Self.size
        let (buffers, threads, precision) = (buffers, buffers.count, precision)
        let weight = rounded.map { BFloat16Weight($0, outputs: size, inputs: size) }
        var best = 0.0
        for _ in 0..<rounds {
            let started = DispatchTime.now().uptimeNanoseconds
            pool.run(threads) { task, _ in
                let base = buffers[task].base
                let a = Matrix(base, rows: size, columns: size)
                let b = Matrix(base + size * size, rows: size, columns: size)
                let result = Matrix(base + 2 * size * size, rows: size, columns: size)
                switch precision {
                case .float32: Kernels.multiply(a, transposed: b, into: result)
                case .bfloat16: Kernels.multiplyBFloat16(a, transposed: b, rounded: weight, into: result)
                }
            }
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - started) * 1e-9
            best = max(best, Double(threads) * 2 * Double(size * size * size) / seconds)
        }
        return best
    }
}
