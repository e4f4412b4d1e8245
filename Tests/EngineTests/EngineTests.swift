import Corpus
import Encoder
import Engine
import Foundation
import Kernels
import Machine
import Pretraining
import Synchronization
import TestModels
import TestSupport
import Testing
import Tokenization

/// One step as a function of weights, batch and step number.
@Suite("Training engine")
struct EngineTests {
    static let special = SmallModel.special
    static let vocabulary = SmallModel.vocabulary

    static func configuration(_ change: (inout RunConfiguration) -> Void = { _ in }) -> RunConfiguration {
        SmallModel.configuration {
            $0.model.normalization.placement = .mix
            $0.model.normalization.alpha = 0.5
            $0.training.batchSize = 12
            $0.training.lanes = 5
            $0.training.steps = 20
            $0.optimizer.warmupSteps = 2
            change(&$0)
        }
    }

    /// Ragged sequences of one to three segments.
    static func batch(sequences: Int, seed: UInt64) -> TokenBatch {
        .ragged(sequences: sequences, seed: seed, vocabularySize: vocabulary)
    }

    /// Weights after a few steps, as bits.
    static func train(
        _ configuration: RunConfiguration, threads: Int, steps: Int = 4, sequences: Int = 12
    ) throws -> (weights: [UInt32], losses: [Double]) {
        let pool = ThreadPool(threadCount: threads)
        defer { pool.shutDown() }
        let engine = try TrainingEngine(configuration.engine, vocabularySize: vocabulary, special: special, pool: pool)
        engine.initialize()
        var losses: [Double] = []
        for step in 1...steps {
            losses.append(try engine.train(batch(sequences: sequences, seed: UInt64(step)), step: step).loss)
        }
        return (engine.state.weights.elements.map(\.bitPattern), losses)
    }

    @Test("An engine that takes over goes on to the same bits", arguments: [ProductPrecision.float32, .bfloat16])
    func takingOver(precision: ProductPrecision) throws {
        let configuration = Self.configuration { $0.training.precision = precision }
        let expected = try Self.train(configuration, threads: 2, steps: 3)
        let pool = ThreadPool(threadCount: 2)
        defer { pool.shutDown() }
        var engine = try TrainingEngine(
            configuration.engine, vocabularySize: Self.vocabulary, special: Self.special, pool: pool)
        engine.initialize()
        for step in 1...3 {
            _ = try engine.train(Self.batch(sequences: 12, seed: UInt64(step)), step: step)
            engine = try TrainingEngine(
                configuration.engine, vocabularySize: Self.vocabulary, special: Self.special, pool: pool,
                continuing: engine.state)
        }
        #expect(engine.state.weights.elements.map(\.bitPattern) == expected.weights)
    }

    @Test("1, 2, 3 and 9 threads give the same bits")
    func threads() throws {
        let expected = try Self.train(Self.configuration(), threads: 1)
        for threads in [2, 3, 9] {
            let actual = try Self.train(Self.configuration(), threads: threads)
            #expect(actual.weights == expected.weights)
            #expect(actual.losses == expected.losses)
        }
        let other = try Self.train(Self.configuration { $0.training.seed = 1 }, threads: 1)
        #expect(other.weights != expected.weights)
    }

    /// Every option of the encoder that has kernels or memory of its own.
    static let options: [(String, @Sendable (inout RunConfiguration) -> Void)] = [
        (
            "modern",
            {
                $0.model.normalization.kind = .rmsNorm
                $0.model.normalization.placement = .peri
                $0.model.feedForward = .geglu
                $0.model.biases = false
                $0.model.positions = .rotary
            }
        ),
        (
            "scaled",
            {
                $0.model.normalization.placement = .scaled
                $0.model.positions = .none
                $0.model.relativeBias.sharing = .shared
                $0.model.relativeBias.bins = 8
                $0.model.relativeBias.maximumDistance = 6
                $0.model.biases = false
                $0.model.generator.tiedOutput = false
                $0.model.initialization.zeroDetectionOutput = true
                $0.model.initialization.zeroQueries = true
            }
        ),
    ]

    @Test("Options: the same bits on any number of threads, the same loss in any chunks", arguments: options)
    func encoderOptions(name: String, change: @Sendable (inout RunConfiguration) -> Void) throws {
        let expected = try Self.train(Self.configuration(change), threads: 1)
        for threads in [2, 5] {
            let actual = try Self.train(Self.configuration(change), threads: threads)
            #expect(actual.weights == expected.weights)
            #expect(actual.losses == expected.losses)
        }
        let chunked = try Self.train(
            Self.configuration {
                change(&$0)
                $0.training.lanes = 3
                $0.training.chunkTokens = 1
            }, threads: 2)
        for (a, b) in zip(chunked.losses, expected.losses) { #expect(abs(a - b) < 1e-4 * abs(b)) }
        #expect(try Self.train(Self.configuration(), threads: 1).losses != expected.losses)
    }

    @Test("The loss does not depend on lanes and chunks, but for rounding")
    func lanesAndChunks() throws {
        let expected = try Self.train(Self.configuration(), threads: 2)
        for (lanes, chunk) in [(1, 1000), (12, 1), (3, 100)] {
            let actual = try Self.train(
                Self.configuration {
                    $0.training.lanes = lanes
                    $0.training.chunkTokens = chunk
                }, threads: 2)
            for (a, b) in zip(actual.losses, expected.losses) { #expect(abs(a - b) < 1e-4 * abs(b)) }
        }
    }

    @Test("A non-finite weight stops the step before anything changes, and says where")
    func nonFinite() throws {
        let pool = ThreadPool(threadCount: 2)
        defer { pool.shutDown() }
        let engine = try TrainingEngine(
            Self.configuration().engine, vocabularySize: Self.vocabulary, special: Self.special, pool: pool)
        engine.initialize()
        let spec = try #require(engine.state.layout["discriminator.head.dense.weight"])
        engine.state.weights.base[spec.offset] = .nan
        let before = engine.state.weights.elements.map(\.bitPattern)
        let error = #expect(throws: NonFiniteError.self) {
            _ = try engine.train(Self.batch(sequences: 12, seed: 1), step: 1)
        }
        #expect(error?.place == .weight(tensor: "discriminator.head.dense.weight", index: 0))
        #expect(engine.state.weights.elements.map(\.bitPattern) == before)
        #expect(engine.state.optimizer.allSatisfy { $0.buffer.elements.allSatisfy { $0 == 0 } })

        // Nothing of the bad step is left behind: the next good one is the one that it would have been.
        engine.initialize()
        _ = try engine.train(Self.batch(sequences: 12, seed: 1), step: 1)
        let expected = try Self.train(Self.configuration(), threads: 1, steps: 1)
        #expect(engine.state.weights.elements.map(\.bitPattern) == expected.weights)
    }

    @Test("A cancelled step or evaluation leaves nothing behind", arguments: [1, 2])
    func cancellation(_ threads: Int) throws {
        let pool = ThreadPool(threadCount: threads)
        defer { pool.shutDown() }
        let engine = try TrainingEngine(
            Self.configuration().engine, vocabularySize: Self.vocabulary, special: Self.special, pool: pool)
        engine.initialize()
        let before = engine.state.weights.elements.map(\.bitPattern)
        // In the middle of the step, whichever worker asks.
        let asked = Mutex(0)
        engine.isCancelled = {
            asked.withLock {
                $0 += 1
                return $0 > 9
            }
        }
        #expect(throws: CancellationError.self) { _ = try engine.train(Self.batch(sequences: 12, seed: 1), step: 1) }
        #expect(engine.state.weights.elements.map(\.bitPattern) == before)
        #expect(throws: CancellationError.self) {
            _ = try engine.evaluate(Self.batch(sequences: 12, seed: 1), index: 0) { _, _, _ in }
        }
        engine.isCancelled = { false }
        _ = try engine.train(Self.batch(sequences: 12, seed: 1), step: 1)
        let expected = try Self.train(Self.configuration(), threads: 1, steps: 1)
        #expect(engine.state.weights.elements.map(\.bitPattern) == expected.weights)
    }

    @Test("Evaluation changes nothing and repeats itself")
    func evaluation() throws {
        let pool = ThreadPool(threadCount: 2)
        defer { pool.shutDown() }
        let engine = try TrainingEngine(
            Self.configuration().engine, vocabularySize: Self.vocabulary, special: Self.special, pool: pool)
        engine.initialize()
        let before = engine.state.weights.elements.map(\.bitPattern)
        let evaluator = Evaluator(
            batches: [Self.batch(sequences: 12, seed: 3), Self.batch(sequences: 5, seed: 4)],
            vocabularySize: Self.vocabulary, special: Self.special, samples: 2, display: { "<\($0)>" })
        let first = try evaluator.evaluate(engine, step: 1)
        #expect(try evaluator.evaluate(engine, step: 1) == first)
        #expect(engine.state.weights.elements.map(\.bitPattern) == before)
        #expect(first.tokens == evaluator.batches.reduce(0) { $0 + $1.tokenCount })
        #expect(first.samples?.count == 2)
        #expect(try #require(first.generatorLoss) > 3 && #require(first.generatorLoss) < 6)
    }

    @Test("Memory for gradients goes with threads, not with lanes")
    func gradientMemory() {
        func buffers(lanes: Int, threads: Int, chunkTokens: Int = 48) -> Int {
            let configuration = Self.configuration {
                $0.training.batchSize = 128
                $0.training.lanes = lanes
                $0.training.chunkTokens = chunkTokens
            }
            let model = TrainingEngine.model(configuration.engine, vocabularySize: Self.vocabulary)
            let cost = ModelCost(configuration.engine, model: model, threads: threads)
            // Beside weights and two moments.
            return cost.stateBytes / (4 * model.layout.bufferCount) - 3
        }
        #expect(buffers(lanes: 64, threads: 2) == 9)
        #expect(buffers(lanes: 64, threads: 16) == 30)
        #expect(buffers(lanes: 2, threads: 16) == 2)
        // Divided sequences keep all lanes until the end.
        #expect(buffers(lanes: 16, threads: 2, chunkTokens: 8) == 16)
    }

    @Test("Memory for messages goes with the blocks of lanes that ranks sum by themselves")
    func messageMemory() {
        /// In buffers of all parameters, and what rounding of shares to whole numbers adds.
        func buffers(lanes: Int, ranks: Int, _ communication: CommunicationPrecision = .float32) -> Double {
            let configuration = Self.configuration {
                $0.training.batchSize = 64
                $0.training.lanes = lanes
                $0.training.communication = communication
            }
            let model = TrainingEngine.model(configuration.engine, vocabularySize: Self.vocabulary)
            let cost = ModelCost(configuration.engine, model: model, threads: 1, ranks: ranks)
            let whole = Double(4 * model.layout.bufferCount)
            return (Double(cost.exchangeBytes) / whole * 1000).rounded() / 1000
        }
        #expect(buffers(lanes: 8, ranks: 1) == 0)
        // Half of the gradients out, half in, and weights.
        #expect(buffers(lanes: 8, ranks: 2) == 2)
        // Six lanes of a rank are two blocks: two thirds out twice, and one third in of two blocks from two ranks.
        #expect(abs(buffers(lanes: 18, ranks: 3) - (1 + 8.0 / 3)) < 0.002)
        // Half as wide, and the weights from before the step.
        #expect(buffers(lanes: 8, ranks: 2, .bfloat16) == 2.5)
    }

    @Test("Divided sequences need memory for what units of attention leave behind")
    func unitMemory() {
        let configuration = Self.configuration {
            $0.corpus.sequenceLength = 2048
            $0.model.maximumPositions = 2048
            $0.training.chunkTokens = 256
            $0.training.lanes = 4
        }
        let model = TrainingEngine.model(configuration.engine, vocabularySize: Self.vocabulary)
        let cost = ModelCost(configuration.engine, model: model, threads: 2)
        // 22 tiles of queries make five parts, each with the gradients of all keys and values: 2 · 32 numbers a token.
        let units = 4 * 5 * 2 * 32 * 2048
        #expect(cost.activationBytes == 4 * (model.activationCount + 2 * model.scratchCount) + units)
    }

    @Test("A model beyond the machine's memory is refused before it is allocated")
    func memory() {
        let configuration = Self.configuration {
            $0.model.hiddenSize = 32768
            $0.model.headCount = 512
            $0.model.layerCount = 1024
            $0.model.intermediateSize = 131_072
        }
        let pool = ThreadPool(threadCount: 1)
        defer { pool.shutDown() }
        #expect(throws: MemoryShortage.self) {
            _ = try TrainingEngine(
                configuration.engine, vocabularySize: Self.vocabulary, special: Self.special, pool: pool)
        }
    }
}
