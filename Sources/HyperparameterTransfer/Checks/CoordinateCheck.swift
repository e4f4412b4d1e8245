import Corpus
import Engine
import Foundation
import Kernels
import Pretraining
import Tokenization

/// Trains the model at several widths for a few steps on one fixed batch, and measures how large every module's outputs
/// are: under a right parametrization they do not depend on width (Yang et al. 2022, arXiv 2203.03466, appendix D.1).
///
/// The batch is random tokens with the frequencies of a natural language, so that no corpus is needed.
public struct CoordinateCheck: Sendable {
    public var family: WidthFamily
    public var widths: [Int]
    public var steps: Int
    /// Largest slope that passes.
    public var tolerance: Double
    /// Independent initial values that are averaged.
    public var seeds: Int
    private let sequences: Int

    /// - Parameters:
    ///   - widths: at least two, sorted here.
    ///   - tokens: of the batch, about.
    /// - Throws: `TransferError` for widths that the family does not have.
    public init(
        _ target: RunConfiguration, widths: [Int], steps: Int = 5, tolerance: Double = 0.3, seeds: Int = 3,
        tokens: Int = 1024
    ) throws {
        family = WidthFamily(target)
        self.widths = Array(Set(widths)).sorted()
        self.steps = steps
        self.tolerance = tolerance
        self.seeds = seeds
        guard self.widths.count >= 2 else { throw TransferError.invalid("--widths: name at least two widths") }
        sequences = max(1, min(target.training.sequencesPerStep, tokens / target.corpus.sequenceLength))
        for width in self.widths { _ = try family.configuration(width: width, rules: .standard) }
    }

    /// Trains all widths under one set of rules.
    ///
    /// - Parameter progress: called with the number of models trained so far.
    public func measure(_ rules: WidthFamily.Rules, pool: ThreadPool, progress: (Int) -> Void = { _ in })
        throws -> [CoordinateMeasurement]
    {
        var result: [CoordinateMeasurement] = []
        var done = 0
        for width in widths {
            var sums: [String: [Sizes]] = [:]
            var order: [String] = []
            for seed in 0..<seeds {
                let found = try train(width: width, rules: rules, seed: seed, pool: pool)
                if seed == 0 { order = found.map(\.module) }
                for (module, sizes) in found { sums[module, default: []] += [sizes] }
                done += 1
                progress(done)
            }
            for module in order {
                let sizes = sums[module] ?? []
                for step in 0...steps {
                    result.append(
                        CoordinateMeasurement(
                            module: module, width: width, step: step,
                            size: mean(sizes.map { $0.values[step] }), change: mean(sizes.map { $0.changes[step] })))
                }
            }
        }
        return result
    }

    /// Mean |output| after each number of steps, and mean |output − output at the beginning|.
    private struct Sizes {
        var values: [Double]
        var changes: [Double]
    }

    private func train(width: Int, rules: WidthFamily.Rules, seed: Int, pool: ThreadPool) throws -> [(
        module: String, sizes: Sizes
    )] {
        var configuration = try family.configuration(width: width, rules: rules)
        configuration.training.batchSize = sequences
        configuration.training.accumulationSteps = 1
        configuration.training.lanes = min(sequences, 4)
        // Modules show what they put out where one thread carries a chunk.
        configuration.training.chunkTokens = max(
            configuration.training.chunkTokens, configuration.corpus.sequenceLength)
        configuration.training.stages = []
        configuration.training.steps = steps
        configuration.training.seed += seed
        // As in the middle of a warmup: at the peak from the first step on, logits swing back and forth, and their size
        // after some step says nothing.
        Hyperparameter.learningRate.scale(by: Self.learningRateShare, in: &configuration)
        configuration.optimizer.warmupSteps = 0
        configuration.optimizer.schedule = .constant
        configuration.model.dropout = 0
        configuration.model.attentionDropout = 0
        let vocabulary = configuration.tokenizer.vocabularySize
        let engine = try TrainingEngine(
            configuration.engine, vocabularySize: vocabulary,
            special: SpecialTokens(padding: 0, unknown: 1, classification: 2, separator: 3, mask: 4), pool: pool)
        engine.initialize()
        let batch = Self.batch(
            sequences: sequences, length: configuration.corpus.sequenceLength, vocabulary: vocabulary,
            seed: configuration.training.seed)
        let start = engine.activations(batch)
        var sizes = start.map { activation in
            Sizes(values: [Self.meanMagnitude(activation.values)], changes: [0])
        }
        for step in 1...max(1, steps) where step <= steps {
            var failed = false
            do { _ = try engine.train(batch, step: step) } catch is NonFiniteError { failed = true }
            for (index, activation) in engine.activations(batch).enumerated() {
                let change = zip(activation.values, start[index].values).map { $0 - $1 }
                sizes[index].values.append(failed ? .infinity : Self.meanMagnitude(activation.values))
                sizes[index].changes.append(failed ? .infinity : Self.meanMagnitude(change))
            }
        }
        return zip(start, sizes).map { ($0.module, $1) }
    }

    private static let learningRateShare = 0.125

    private static func meanMagnitude(_ values: [Float]) -> Double {
        values.isEmpty ? 0 : values.reduce(0) { $0 + abs(Double($1)) } / Double(values.count)
    }

    private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(values.count, 1)) }

    /// Full sequences of one segment each; the token of rank r is drawn with a probability that falls like 1/r.
    private static func batch(sequences: Int, length: Int, vocabulary: Int, seed: Int) -> TokenBatch {
        let random = Philox(seed: UInt64(seed), purpose: .masking)
        let ordinary = Double(vocabulary - 5)
        let offsets = (0...sequences).map { $0 * length }
        let tokens = (0..<sequences * length).map { position in
            5 + Int32(min(ordinary - 1, exp(random.uniform(step: 0, position: position) * log(ordinary + 1)) - 1))
        }
        return TokenBatch(tokens: tokens, sequenceOffsets: offsets, segmentOffsets: offsets)
    }
}

/// How large one module's outputs are at one width after some steps.
public struct CoordinateMeasurement: Codable, Sendable, Equatable {
    public var module: String
    public var width: Int
    public var step: Int
    /// Mean |output|.
    public var size: Double
    /// Mean |output − output before the first step|.
    public var change: Double

    public init(module: String, width: Int, step: Int, size: Double, change: Double) {
        self.module = module
        self.width = width
        self.step = step
        self.size = size
        self.change = change
    }
}
