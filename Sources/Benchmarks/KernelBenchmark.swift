import Foundation
import Kernels
import Pretraining

/// Measures every kernel alone, with the shapes of a configuration.
public struct KernelBenchmark: Sendable {
    public struct Report: Encodable, Sendable {
        public var threads: Int
        /// Of all threads together, measured among the kernels.
        public var gemmPeakGflops: Double
        public var memoryGigabytesPerSecond: Double
        public var linearAlgebra: String
        public var kernels: [Measurement]
    }

    public struct Measurement: Encodable, Sendable {
        public var name: String
        public var shape: String
        /// Of one thread, while the others do the same.
        public var secondsPerCall: Double
        /// Of all threads together.
        public var gigaflopsPerSecond: Double
        public var gigabytesPerSecond: Double
        /// The longer of the times for operations at the GEMM peak and for operands at the memory bandwidth, relative to
        /// the time that was needed; above 1 where operands come from a cache after all.
        public var rooflineShare: Double
    }

    /// Floats that the operands of one thread wander through: more than a share of the last cache level.
    private static let poolCount = 32 << 20

    /// - Parameters:
    ///   - configuration: gives the shapes; its corpus is not used.
    ///   - progress: called with the name of each kernel.
    public static func run(
        _ configuration: RunConfiguration, pool: ThreadPool, progress: (String) -> Void = { _ in }
    ) throws -> Report {
        let cases = try KernelCase.all(configuration)
        let poolCount = max(Self.poolCount, cases.map(\.operandCount).max() ?? 0)
        let memory = (0..<pool.threadCount).map { _ in FloatBuffer(count: poolCount) }
        pool.run(pool.threadCount) { task, _ in
            // Small positive numbers of no pattern, so that no kernel meets denormals or infinities.
            for i in 0..<poolCount { memory[task].base[i] = 0.001 + Float(i % 1013) * 1e-5 }
        }
        let meter = PeakMeter(pool, precision: configuration.training.precision)
        var peaks: [Double] = []
        let bandwidth = Kernels.measureBandwidth(pool)
        var measured: [(KernelCase, [Profile.Entry])] = []
        for kernel in cases {
            progress(kernel.name)
            peaks.append(meter.measure(rounds: 3))
            repeatCalls(kernel, 2, memory, pool)
            Profile.start()
            repeatCalls(kernel, kernel.calls, memory, pool)
            measured.append((kernel, Profile.stop()))
        }
        let peak = peaks.sorted()[peaks.count / 2]
        return Report(
            threads: pool.threadCount, gemmPeakGflops: peak * 1e-9, memoryGigabytesPerSecond: bandwidth * 1e-9,
            linearAlgebra: configuration.training.precision.summary,
            kernels: measured.map { kernel, entries in
                let threads = Double(pool.threadCount)
                let seconds = entries.reduce(0) { $0 + $1.seconds } / threads
                let flops = entries.reduce(0) { $0 + $1.flops }
                // What a kernel calls works on what the kernel itself has read.
                let bytes = entries.filter { $0.caller == nil }.reduce(0) { $0 + $1.bytes }
                return Measurement(
                    name: kernel.name, shape: kernel.shape, secondsPerCall: seconds / Double(kernel.calls),
                    gigaflopsPerSecond: flops / seconds * 1e-9, gigabytesPerSecond: bytes / seconds * 1e-9,
                    rooflineShare: max(flops / peak, bytes / bandwidth) / seconds)
            })
    }

    private static func repeatCalls(_ kernel: KernelCase, _ calls: Int, _ memory: [FloatBuffer], _ pool: ThreadPool) {
        let places = max(1, memory[0].count / kernel.operandCount)
        pool.run(pool.threadCount) { task, _ in
            for call in 0..<calls { kernel.body(memory[task].base + call % places * kernel.operandCount) }
        }
    }
}
