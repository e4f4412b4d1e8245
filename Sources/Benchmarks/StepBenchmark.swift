import Corpus
import Engine
import Formatting
import Foundation
import Kernels
import Pretraining
import Tokenization

/// Measures training steps on random tokens in full sequences.
public struct StepBenchmark: Sendable {
    /// What was measured.
    public struct Report: Encodable, Sendable {
        /// Median over the steps.
        public var tokensPerSecond: Double
        public var bestTokensPerSecond: Double
        public var stepSeconds: [Double]
        /// Of all threads together: median of what was measured around every step.
        public var gemmPeakGflops: Double
        /// Share of the peak: FLOPs of the model, without recomputation, per second; median over the steps, each
        /// against the better of the peaks measured right before and right after it.
        public var utilisation: Double
        public var flopsPerToken: Double
        public var parameters: Int
        public var batch: Int
        public var sequence: Int
        public var threads: Int
        public var lanes: Int
        /// Largest resident size of the process.
        public var peakMemoryBytes: Int
        /// The kernels that multiplied.
        public var linearAlgebra: String
        /// Where the time went, if that was asked for.
        public var profile: StepProfile?
    }

    /// - Parameters:
    ///   - configuration: its corpus and tokenizer are not used, but for sequence length and vocabulary size.
    ///   - warmup: steps that are not counted.
    ///   - profiling: takes the steps apart, which costs them less than a hundredth of their time.
    public static func run(
        _ configuration: RunConfiguration, pool: ThreadPool, steps: Int, warmup: Int,
        profiling: Bool = false, progress: (Int) -> Void = { _ in }
    ) throws -> Report {
        let engine = try engine(configuration, pool: pool)
        let meter = PeakMeter(pool, precision: configuration.training.precision)
        let sequences = configuration.training.sequencesPerStep
        let length = configuration.corpus.sequenceLength
        var seconds: [Double] = []
        var peaks: [Double] = []
        for step in 1...(warmup + steps) {
            let batch = batch(configuration, seed: step)
            if step == warmup + 1 {
                peaks.append(meter.measure(rounds: 6))
                if profiling { Profile.start() }
            }
            let started = ContinuousClock.now
            _ = try engine.train(batch, step: step)
            if step > warmup {
                seconds.append(started.duration(to: .now).seconds)
                Profile.pause { peaks.append(meter.measure(rounds: 3)) }
            }
            progress(step)
        }
        let entries = profiling ? Profile.stop() : []
        let memory = peakMemory()
        let peak = median(peaks)
        let tokens = Double(sequences * length)
        let speed = tokens / median(seconds)
        let flops = ModelCost.flopsPerToken(
            configuration.engine, vocabularySize: configuration.tokenizer.vocabularySize,
            attendedTokens: configuration.model.meanAttendedTokens(segments: [length]))
        let shares = seconds.enumerated().map { flops * tokens / $1 / max(peaks[$0], peaks[$0 + 1]) }
        let profile =
            profiling
            ? StepProfile(
                entries, steps: steps, stepSeconds: seconds.reduce(0, +) / Double(steps), threads: pool.threadCount,
                peak: peak, bandwidth: Kernels.measureBandwidth(pool))
            : nil
        return Report(
            tokensPerSecond: speed, bestTokensPerSecond: tokens / (seconds.min() ?? .infinity), stepSeconds: seconds,
            gemmPeakGflops: peak * 1e-9, utilisation: median(shares), flopsPerToken: flops,
            parameters: engine.state.layout.parameterCount, batch: sequences, sequence: length,
            threads: pool.threadCount, lanes: configuration.engine.laneCount,
            peakMemoryBytes: memory, linearAlgebra: configuration.training.precision.summary,
            profile: profile)
    }

    /// An engine with initial weights, for tokens of which the first five are special.
    static func engine(_ configuration: RunConfiguration, pool: ThreadPool) throws -> TrainingEngine {
        let engine = try TrainingEngine(
            configuration.engine, vocabularySize: configuration.tokenizer.vocabularySize,
            special: SpecialTokens(padding: 0, unknown: 1, classification: 2, separator: 3, mask: 4), pool: pool)
        engine.initialize()
        return engine
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    /// Random tokens in full sequences of one segment each.
    static func batch(_ configuration: RunConfiguration, seed: Int) -> TokenBatch {
        let sequences = configuration.training.sequencesPerStep
        let length = configuration.corpus.sequenceLength
        let random = Philox(seed: UInt64(seed), purpose: .masking)
        let ordinary = Double(configuration.tokenizer.vocabularySize - 5)
        let offsets = (0...sequences).map { $0 * length }
        let tokens = (0..<sequences * length).map { position in
            5 + Int32(random.uniform(step: 0, position: position) * ordinary)
        }
        return TokenBatch(tokens: tokens, sequenceOffsets: offsets, segmentOffsets: offsets)
    }

    private static func peakMemory() -> Int {
        var usage = rusage()
        #if canImport(Glibc)
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        #endif
        return usage.ru_maxrss * 1024
    }
}
