import Corpus
import Engine
import Foundation
import Kernels
import Pretraining
import Tokenization

/// Trains the model at several widths for a few steps on one fixed batch, and measures how large every module's outputs
/// are: under a right parametrization they do not depend on width (Yang et al. 2022, arXiv 2203.03466, appendix D.1).
///
/// Two more figures see what the outputs hide: how much a readout's logits change by its own weights alone, which is little
/// beside what its inputs change; and the first step's changes with a large epsilon of Adam.
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
    /// A mistake that a test plants.
    package var planted: PlantedMistake?
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
                let found =
                    try train(width: width, rules: rules, seed: seed, pool: pool)
                    + trainWithLargeEpsilon(width: width, rules: rules, seed: seed, pool: pool)
                if seed == 0 { order = found.map(\.module) }
                for (module, sizes) in found { sums[module, default: []] += [sizes] }
                done += 1
                progress(done)
            }
            let model = try family.configuration(width: width, rules: rules).model
            for module in order {
                let sizes = sums[module] ?? []
                let shape = module.hasPrefix("generator.") ? model.generatorShape : model.discriminatorShape
                for step in 0..<(sizes.map(\.values.count).min() ?? 0) {
                    result.append(
                        CoordinateMeasurement(
                            module: module, width: width, step: step, size: mean(sizes.map { $0.values[step] }),
                            change: mean(sizes.map { $0.changes[step] }),
                            headSize: module.hasSuffix("scores") ? shape.headSize : nil,
                            readSize: !Self.isReadout(module)
                                ? nil : Self.isOverVocabulary(module) ? model.embeddingSize : shape.hiddenSize))
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

    /// Adam's epsilon above all gradients: were it not scaled like them, updates would shrink with the width. At the
    /// usual 1e-6 that shows at none of the widths that can be measured.
    private func trainWithLargeEpsilon(width: Int, rules: WidthFamily.Rules, seed: Int, pool: ThreadPool) throws -> [(
        module: String, sizes: Sizes
    )] {
        try train(width: width, rules: rules, seed: seed, pool: pool, steps: 1) {
            $0.optimizer.epsilon = Self.largeEpsilon
            $0.optimizer.generator.epsilon = nil
            // Clipping multiplies all gradients by something that grows with the width as their norm falls; only where
            // epsilon is small does that cancel.
            $0.optimizer.clipNorm = 0
            $0.optimizer.generator.clipNorm = nil
        }.filter { found in
            let left = [".attention", ".feed_forward", "logits", ","]
            return !left.contains { found.module.contains($0) }
        }.map { found in
            // Sizes are those of the other run.
            (found.module + Self.epsilonSuffix, Sizes(values: [0, 0], changes: found.sizes.changes))
        }
    }

    private static let largeEpsilon = 1.0
    static let epsilonSuffix = ", large epsilon"
    static let ownSuffix = ", own weights"

    private func train(
        width: Int, rules: WidthFamily.Rules, seed: Int, pool: ThreadPool, steps: Int? = nil,
        change: (inout RunConfiguration) -> Void = { _ in }
    ) throws -> [(module: String, sizes: Sizes)] {
        let steps = steps ?? self.steps
        var configuration = try family.configuration(width: width, rules: rules)
        configuration.training.batchSize = sequences
        configuration.training.accumulationSteps = 1
        configuration.training.lanes = min(sequences, 4)
        // Modules show what they put out where one thread carries a chunk.
        configuration.training.chunkTokens = max(
            configuration.training.chunkTokens, configuration.corpus.sequenceLength)
        configuration.training.stages = []
        configuration.training.steps = steps
        configuration.training.addToSeed(seed)
        // As in the middle of a warmup: at the peak from the first step on, logits swing back and forth, and their size
        // after some step says nothing.
        Hyperparameter.scaleRates(by: Self.learningRateShare, in: &configuration)
        configuration.optimizer.warmupSteps = 0
        configuration.optimizer.schedule = .constant
        configuration.model.dropout = 0
        configuration.model.attentionDropout = 0
        (configuration.model.generator.dropout, configuration.model.generator.attentionDropout) = (nil, nil)
        change(&configuration)
        planted?.configuration(&configuration)
        let vocabulary = configuration.tokenizer.vocabularySize
        let engine = try TrainingEngine(
            configuration.engine, vocabularySize: vocabulary,
            special: SpecialTokens(padding: 0, unknown: 1, classification: 2, separator: 3, mask: 4), pool: pool,
            planting: planted?.scaling)
        engine.initialize()
        let batch = Self.batch(
            sequences: sequences, length: configuration.corpus.sequenceLength, vocabulary: vocabulary,
            seed: configuration.training.seed)
        let start = engine.activations(batch)
        let readouts = Readouts(engine)
        let own = start.indices.filter { readouts.isRead(by: start[$0].module) }
        var sizes = start.map { activation in
            Sizes(
                values: [
                    Self.isReadout(activation.module)
                        ? Self.meanDeviation(activation) : Self.meanMagnitude(activation.values)
                ], changes: [0])
        }
        var ownSizes = own.map { _ in Sizes(values: [0], changes: [0]) }
        for step in 1...max(1, steps) where step <= steps {
            var failed = false
            do { _ = try engine.train(batch, step: step) } catch is NonFiniteError { failed = true }
            func change(_ now: [Float], _ before: [Float]) -> Double {
                failed ? .infinity : Self.meanMagnitude(zip(now, before).map { $0 - $1 })
            }
            let activations = engine.activations(batch)
            for (index, activation) in activations.enumerated() {
                sizes[index].values.append(failed ? .infinity : Self.meanMagnitude(activation.values))
                sizes[index].changes.append(change(activation.values, start[index].values))
            }
            guard !own.isEmpty else { continue }
            let without = readouts.withInitialWeights(engine) { engine.activations(batch) }
            for (place, index) in own.enumerated() {
                ownSizes[place].values.append(0)
                ownSizes[place].changes.append(change(activations[index].values, without[index].values))
            }
        }
        return zip(start, sizes).map { ($0.module, $1) }
            + zip(own, ownSizes).map { (start[$0].module + Self.ownSuffix, $1) }
    }

    /// Whether a module's outputs are read from a growing dimension.
    static func isReadout(_ module: String) -> Bool { module.hasSuffix("logits") }

    /// Whether its outputs are logits of words, which are read with the rows of a table.
    static func isOverVocabulary(_ module: String) -> Bool {
        module == "generator.logits" || module.hasSuffix("token_logits")
    }

    private static let learningRateShare = 0.125

    private static func meanMagnitude(_ values: [Float]) -> Double {
        values.isEmpty ? 0 : values.reduce(0) { $0 + abs(Double($1)) } / Double(values.count)
    }

    /// Mean |output − its mean over the text|: a readout of one column is one random projection, and what all tokens
    /// have in common would leave it the scatter of a single draw.
    private static func meanDeviation(_ activation: ModuleActivation) -> Double {
        let (values, columns) = (activation.values, activation.columns)
        let rows = values.count / max(1, columns)
        guard rows > 0 else { return 0 }
        var sum = 0.0
        for column in 0..<columns {
            let entries = (0..<rows).map { Double(values[$0 * columns + column]) }
            let mean = entries.reduce(0, +) / Double(rows)
            sum += entries.reduce(0) { $0 + abs($1 - mean) }
        }
        return sum / Double(rows * columns)
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
    /// Of the network, where the module is its attention scores.
    public var headSize: Int?
    /// Numbers that each output is made of, where the module is a readout: of hidden states, or of embeddings, whose size may stay.
    /// Nil in files of earlier versions.
    public var readSize: Int?

    public init(
        module: String, width: Int, step: Int, size: Double, change: Double, headSize: Int? = nil, readSize: Int? = nil
    ) {
        self.headSize = headSize
        self.readSize = readSize
        self.module = module
        self.width = width
        self.step = step
        self.size = size
        self.change = change
    }
}
