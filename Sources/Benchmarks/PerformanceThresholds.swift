import Foundation
import Kernels
import Pretraining

/// What the engine must reach, as ratios that hold on any machine: kept in the repository, checked by
/// `pretrain bench check`.
public struct PerformanceThresholds: Decodable, Sendable {
    public var steps: [Step]
    public var scaling: [Scaling]
    public var kernels: [KernelGroup]
    public var checkpoints: [Checkpoint]
    public var loaders: [Loader]

    /// The lists, by which a check can be limited.
    public enum Group: String, CaseIterable, Sendable {
        case steps, scaling, kernels, checkpoints, loaders
    }

    /// Whole steps: share of the GEMM peak.
    public struct Step: Decodable, Sendable {
        public var preset: String
        public var batch: Int
        public var sequence: Int
        public var threads: Int
        /// Of the products, and of the peak; nil: float32.
        public var precision: ProductPrecision?
        public var minimumUtilisation: Double
    }

    /// Whole steps: tokens per second on many threads relative to one.
    public struct Scaling: Decodable, Sendable {
        public var preset: String
        public var batch: Int
        public var sequence: Int
        public var threads: Int
        public var minimumSpeedup: Double
    }

    /// Single kernels: share of their roofline.
    public struct KernelGroup: Decodable, Sendable {
        public var preset: String
        public var sequence: Int
        public var threads: Int
        public var minimumRooflineShare: [String: Double]
    }

    /// Saving and loading the tensors of a model after some steps on random tokens, on one thread.
    public struct Checkpoint: Decodable, Sendable {
        public var preset: String
        public var batch: Int
        public var sequence: Int
        public var steps: Int
        /// Bytes per second of processor time, relative to SHA-256 of two streams side by side.
        public var minimumSavingSpeed: Double
        public var minimumLoadingSpeed: Double
        /// Size on disk relative to the raw tensors.
        public var maximumStoredShare: Double
    }

    /// From text to batches; the text is made up, of words that are as often as words are.
    public struct Loader: Decodable, Sendable {
        public var preset: String
        public var batch: Int
        public var sequence: Int
        public var threads: Int
        /// Bytes per second of processor time, relative to a hash of the same text that takes it byte by byte (FNV-1a).
        public var minimumEncodingSpeed: Double
        /// Share of the machine's time in a step.
        public var maximumShareOfStep: Double
    }

    /// One comparison.
    public struct Outcome: Encodable, Sendable {
        /// What the measured number must not be on the other side of.
        public enum Bound: String, Encodable, Sendable {
            case atLeast = "at_least"
            case atMost = "at_most"
        }

        public var name: String
        public var measured: Double
        public var bound: Bound
        public var threshold: Double
        public var passed: Bool

        package init(_ name: String, _ measured: Double, _ bound: Bound, _ threshold: Double) {
            self.name = name
            self.measured = measured
            self.bound = bound
            self.threshold = threshold
            passed = bound == .atLeast ? measured >= threshold : measured <= threshold
        }

        /// The better one of two measurements of the same.
        package func better(_ other: Outcome) -> Outcome {
            (measured > other.measured) == (bound == .atLeast) ? self : other
        }
    }

    public enum ReadError: Error, CustomStringConvertible {
        case unreadable(path: String, reason: String)
        case unknownPreset(String)
        case unknownKernel(String, known: [String])

        public var description: String {
            switch self {
            case .unreadable(let path, let reason):
                "\(path): \(reason). Thresholds are a JSON object with the lists "
                    + "\(Group.allCases.map(\.rawValue).joined(separator: ", ")), such as "
                    + "Benchmarks/thresholds.json."
            case .unknownPreset(let name): "the thresholds name a preset that does not exist: \(name)"
            case .unknownKernel(let name, let known):
                "the thresholds name a kernel that is not measured: \(name). There are: \(known.joined(separator: "; "))."
            }
        }
    }

    /// - Throws: `ReadError.unreadable`.
    public init(contentsOf path: String) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .custom { path in
            // Kernels are keys too, and keep their names.
            let key = path[path.count - 1].stringValue
            let words = key.contains(" ") ? [key] : key.split(separator: "_").map(String.init)
            return Name(stringValue: words[0] + words.dropFirst().map(\.capitalized).joined())
        }
        do {
            self = try decoder.decode(Self.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        } catch let error as DecodingError {
            throw ReadError.unreadable(path: path, reason: Self.reason(error))
        } catch {
            throw ReadError.unreadable(path: path, reason: "cannot be read")
        }
    }

    private struct Name: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private static func reason(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context): "\(place(context)): \(key.stringValue) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            "\(place(context)): \(context.debugDescription)"
        @unknown default: "\(error)"
        }
    }

    private static func place(_ context: DecodingError.Context) -> String {
        let path = context.codingPath.map(\.stringValue).joined(separator: ".")
        return path.isEmpty ? "the whole" : path
    }

    /// Measures until each threshold is met, or `attempts` times: a busy machine is only ever slower.
    ///
    /// - Parameters:
    ///   - groups: which lists are checked.
    ///   - progress: called with each outcome as it comes.
    /// - Throws: `ReadError`, before anything is measured.
    public func check(
        _ groups: [Group] = Group.allCases, attempts: Int = 3, progress: (Outcome) -> Void = { _ in }
    ) throws -> [Outcome] {
        let checks = try groups.flatMap { group in
            switch group {
            case .steps: try stepChecks()
            case .scaling: try scalingChecks()
            case .kernels: try kernelChecks()
            case .checkpoints: try checkpointChecks()
            case .loaders: try loaderChecks()
            }
        }
        return try checks.flatMap { check in
            var best: [Outcome] = []
            for attempt in 0..<attempts {
                let outcomes = try check()
                best = attempt == 0 ? outcomes : zip(best, outcomes).map { $0.better($1) }
                if best.allSatisfy(\.passed) { break }
            }
            best.forEach(progress)
            return best
        }
    }

    typealias Check = () throws -> [Outcome]

    private func stepChecks() throws -> [Check] {
        try steps.map { step in
            var configuration = try Self.configuration(step.preset, batch: step.batch, sequence: step.sequence)
            configuration.training.precision = step.precision ?? .float32
            let name =
                "\(step.preset), \(step.batch) × \(step.sequence), \(Self.threads(step.threads))"
                + "\(step.precision.map { ", \($0.rawValue)" } ?? ""): share of the peak"
            return {
                let report = try Self.measure(configuration, threads: step.threads)
                return [Outcome(name, report.utilisation, .atLeast, step.minimumUtilisation)]
            }
        }
    }

    private func scalingChecks() throws -> [Check] {
        try scaling.map { scaling in
            let configuration = try Self.configuration(scaling.preset, batch: scaling.batch, sequence: scaling.sequence)
            let name =
                "\(scaling.preset), \(scaling.batch) × \(scaling.sequence): speed of \(Self.threads(scaling.threads)) "
                + "relative to one"
            return {
                let one = try Self.measure(configuration, threads: 1)
                let many = try Self.measure(configuration, threads: scaling.threads)
                return [Outcome(name, many.tokensPerSecond / one.tokensPerSecond, .atLeast, scaling.minimumSpeedup)]
            }
        }
    }

    private func kernelChecks() throws -> [Check] {
        try kernels.map { group in
            let configuration = try Self.configuration(group.preset, batch: 32, sequence: group.sequence)
            let known = try KernelCase.all(configuration).map(\.name)
            for name in group.minimumRooflineShare.keys.sorted() where !known.contains(name) {
                throw ReadError.unknownKernel(name, known: known)
            }
            return {
                let report = try KernelBenchmark.run(configuration, pool: ThreadPool(threadCount: group.threads))
                return report.kernels.compactMap { kernel in
                    group.minimumRooflineShare[kernel.name].map {
                        Outcome(
                            "\(group.preset), \(kernel.name): share of its roofline", kernel.rooflineShare, .atLeast, $0
                        )
                    }
                }
            }
        }
    }

    private static func measure(_ configuration: RunConfiguration, threads: Int) throws -> StepBenchmark.Report {
        try StepBenchmark.run(configuration, pool: ThreadPool(threadCount: threads), steps: 5, warmup: 1)
    }

    static func configuration(_ preset: String, batch: Int, sequence: Int) throws -> RunConfiguration {
        guard let preset = Preset(rawValue: preset) else { throw ReadError.unknownPreset(preset) }
        var configuration = preset.configuration
        configuration.training.batchSize = batch
        configuration.corpus.sequenceLength = sequence
        configuration.model.maximumPositions = max(configuration.model.maximumPositions, sequence)
        return configuration
    }

    static func threads(_ count: Int) -> String { count == 1 ? "1 thread" : "\(count) threads" }
}
