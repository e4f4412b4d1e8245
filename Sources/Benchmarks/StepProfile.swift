import Kernels

/// A training step taken apart: where its time goes, and how close each part comes to what the machine can do.
public struct StepProfile: Encodable, Sendable {
    /// Wall-clock time of a step, in seconds; every thread has so much of it.
    public var stepSeconds: Double
    public var threads: Int
    /// Of all threads.
    public var gemmPeakGflops: Double
    /// Of all threads together, from and to memory.
    public var memoryGigabytesPerSecond: Double
    public var phases: [Part]
    public var kernels: [Part]
    /// Products by shape, the most expensive first.
    public var products: [Part]

    /// One row of a table, per step.
    public struct Part: Encodable, Sendable {
        public var name: String
        public var calls: Double
        /// Summed over threads.
        public var threadSeconds: Double
        /// Of the step's time on all threads.
        public var timeShare: Double
        public var gigaflops: Double
        /// What operands come to, each once; they may come from a cache.
        public var gigabytes: Double
        /// Of the GEMM peak, while it ran.
        public var peakShare: Double
        /// Of the memory bandwidth, while it ran: above 1 where operands come from caches.
        public var bandwidthShare: Double
    }

    init(
        _ entries: [Profile.Entry], steps: Int, stepSeconds: Double, threads: Int, peak: Double, bandwidth: Double
    ) {
        self.stepSeconds = stepSeconds
        self.threads = threads
        gemmPeakGflops = peak * 1e-9
        memoryGigabytesPerSecond = bandwidth * 1e-9
        let available = stepSeconds * Double(threads)

        func part(_ name: String, _ entries: [Profile.Entry]) -> Part {
            let seconds = entries.reduce(0) { $0 + $1.seconds } / Double(steps)
            let flops = entries.reduce(0) { $0 + $1.flops } / Double(steps)
            let bytes = entries.reduce(0) { $0 + $1.bytes } / Double(steps)
            let duration = max(seconds, 1e-12) / Double(threads)
            return Part(
                name: name, calls: Double(entries.reduce(0) { $0 + $1.calls }) / Double(steps),
                threadSeconds: seconds, timeShare: seconds / available, gigaflops: flops * 1e-9,
                gigabytes: bytes * 1e-9, peakShare: flops / duration / peak,
                bandwidthShare: bytes / duration / bandwidth)
        }
        func table(_ entries: [Profile.Entry], by name: (Profile.Entry) -> String) -> [Part] {
            Dictionary(grouping: entries, by: name).map { part($0, $1) }
                .sorted { ($0.threadSeconds, $1.name) > ($1.threadSeconds, $0.name) }
        }

        phases = table(entries) { $0.phase.isEmpty ? "between the phases" : $0.phase }
        kernels = table(entries) { entry in
            guard let kernel = entry.kernel else { return "beside the kernels" }
            return entry.caller.map { "\($0.rawValue): product" } ?? kernel.rawValue
        }
        let products = entries.filter { $0.shape != .zero && $0.caller == nil }
        self.products = table(products) { entry in
            "\(entry.kernel?.rawValue ?? ""), \(entry.shape.x) × \(entry.shape.y) × \(entry.shape.z)"
        }
        let recorded = entries.reduce(0) { $0 + $1.seconds } / Double(steps)
        let idle = max(0, available - recorded)
        phases.append(
            Part(
                name: "waiting", calls: 1, threadSeconds: idle, timeShare: idle / available, gigaflops: 0,
                gigabytes: 0, peakShare: 0, bandwidthShare: 0))
    }
}
