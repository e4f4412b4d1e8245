import Configuration
import Corpus
import Encoder
import Engine
import Foundation
import Kernels
import Objectives
import Optimization
import Pretraining
import TestSupport
import Testing

/// Every objective, way of sharing and optimizer in whole steps.
@Suite("Recipes")
struct RecipeTests {
    struct Case: CustomTestStringConvertible {
        var name: String
        var change: @Sendable (inout RunConfiguration) -> Void
        var testDescription: String { name }

        func configuration() -> RunConfiguration {
            EngineTests.configuration {
                $0.model.embeddingSize = 32
                change(&$0)
            }
        }
    }

    static let cases = [
        Case(name: "metro, token-only, zero dropout") {
            $0.objective.name = .metro
            $0.model.embeddingSharing = .tokenOnly
            $0.model.generator.dropout = 0
            $0.model.generator.attentionDropout = 0
            $0.model.detectionHead = .linear
        },
        Case(name: "coco_lm") { $0.objective.name = .cocoLM },
        Case(name: "coco_lm, all tokens") {
            $0.objective.name = .cocoLM
            $0.objective.correctiveTokens = .all
        },
        Case(name: "deberta-v3") {
            $0.model.embeddingSharing = .disentangled
            $0.model.detectionHead = .withClassification
            $0.optimizer.separate = true
            $0.optimizer.generator.peakLearningRate = 1e-3
            $0.optimizer.generator.clipNorm = 0.5
        },
        Case(name: "metro, disentangled") {
            $0.objective.name = .metro
            $0.model.embeddingSharing = .disentangled
        },
        Case(name: "metro, as its preset: bias by distance, head and residuals that start small") {
            $0.objective.name = .metro
            $0.model.embeddingSharing = .tokenOnly
            $0.model.detectionHead = .linear
            $0.model.normalization.placement = .post
            $0.model.relativeBias.sharing = .shared
            $0.model.relativeBias.binning = .cocoLM
            $0.model.initialization.zeroDetectionOutput = true
            $0.model.initialization.scaleResiduals = true
        },
        Case(name: "coco_lm, modern encoder") {
            $0.objective.name = .cocoLM
            $0.model.positions = .rotary
            $0.model.feedForward = .geglu
            $0.model.normalization.placement = .pre
            $0.model.normalization.kind = .rmsNorm
            $0.model.biases = false
            $0.model.detectionHead = .withClassification
        },
        Case(name: "untied output, disentangled, sage") {
            $0.model.generator.tiedOutput = false
            $0.model.embeddingSharing = .disentangled
            $0.optimizer.kind = .sage
            $0.optimizer.importanceDecay = 0.9
        },
        Case(name: "separate embeddings") { $0.model.embeddingSharing = .separate },
        Case(name: "shared embeddings, separate optimizers") { $0.optimizer.separate = true },
        Case(name: "token-only, separate optimizers, sage") {
            $0.model.embeddingSharing = .tokenOnly
            $0.optimizer.separate = true
            $0.optimizer.kind = .sage
        },
        Case(name: "sage") { $0.optimizer.kind = .sage },
        Case(name: "muon") { $0.optimizer.kind = .muon },
        Case(name: "coupled tables, disentangled") {
            $0.model.embeddingSharing = .disentangled
            $0.optimizer.coupledTables = true
        },
        Case(name: "coupled tables, token-only, separate optimizers") {
            $0.model.embeddingSharing = .tokenOnly
            $0.optimizer.separate = true
            $0.optimizer.coupledTables = true
        },
        Case(name: "token-only, separate optimizers, muon") {
            $0.model.embeddingSharing = .tokenOnly
            $0.optimizer.separate = true
            $0.optimizer.kind = .muon
        },
        Case(name: "random") { $0.objective.replacements = .random },
        Case(name: "detection on masked tokens") { $0.objective.detectedTokens = .masked },
        Case(name: "masked language model") {
            $0.objective.name = .maskedLanguageModel
            $0.objective.maskTokenFraction = 0.8
            $0.objective.randomTokenFraction = 0.1
        },
        Case(name: "replace MLM") { $0.objective.name = .replaceMLM },
        Case(name: "all-tokens MLM") { $0.objective.name = .allTokensMLM },
        Case(name: "frozen") {
            $0.objective.replacements = .frozen
            $0.objective.frozenGenerator.checkpoint = "elsewhere"
            $0.objective.frozenGenerator.temperature = 2
            $0.model.embeddingSharing = .separate
        },
    ]

    @Test("A valid configuration; the same bits on 1, 2 and 5 threads; every tensor learns", arguments: cases)
    func threads(_ test: Case) throws {
        let configuration = test.configuration()
        try ConfigurationLookup.validate(configuration)
        let expected = try EngineTests.train(configuration, threads: 1)
        #expect(expected.losses.allSatisfy { $0.isFinite && $0 > 0 })
        for threads in [2, 5] {
            let actual = try EngineTests.train(configuration, threads: threads)
            #expect(actual.weights == expected.weights && actual.losses == expected.losses)
        }
    }

    @Test("Every tensor learns but a frozen generator's", arguments: cases)
    func learning(_ test: Case) throws {
        let pool = ThreadPool(threadCount: 2)
        defer { pool.shutDown() }
        let engine = try TrainingEngine(
            test.configuration().engine, vocabularySize: EngineTests.vocabulary, special: EngineTests.special,
            pool: pool)
        engine.initialize()
        let before = engine.state.weights.elements.map { $0 }
        for step in 1...3 { _ = try engine.train(EngineTests.batch(sequences: 12, seed: UInt64(step)), step: step) }
        for spec in engine.state.layout.specs {
            let range = spec.offset..<(spec.offset + spec.count)
            let moved = range.contains { engine.state.weights.base[$0] != before[$0] }
            let isFrozen = test.name == "frozen" && spec.name.hasPrefix("generator.")
            #expect(moved != isFrozen, "\(spec.name)")
        }
    }

    @Test("The loss does not depend on lanes and chunks, but for rounding", arguments: cases)
    func lanesAndChunks(_ test: Case) throws {
        // Contrasted are the sequences of a chunk.
        guard test.configuration().objective.contrast == 0 else { return }
        let expected = try EngineTests.train(test.configuration(), threads: 2, steps: 3)
        var other = test.configuration()
        other.training.lanes = 3
        other.training.chunkTokens = 100
        let actual = try EngineTests.train(other, threads: 2, steps: 3)
        for (a, b) in zip(actual.losses, expected.losses) { #expect(abs(a - b) < 1e-4 * abs(b)) }
    }

    /// Sequences of several slices, the later ones of two documents.
    static func longBatch(seed: UInt64) -> TokenBatch {
        var random = SplitMix64(seed: seed)
        var batch = TokenBatch()
        for sequence in 0..<3 {
            for length in sequence == 0 ? [200] : [70 + 40 * sequence, 130 - 40 * sequence] {
                let content = (0..<length - 2).map { _ in
                    Int32.random(in: 5..<Int32(EngineTests.vocabulary), using: &random)
                }
                batch.tokens += [2] + content + [3]
                batch.segmentOffsets.append(batch.tokens.count)
            }
            batch.sequenceOffsets.append(batch.tokens.count)
        }
        return batch
    }

    @Test(
        "Sequences that threads divide: the same bits on 1, 2 and 5, the loss of those that one carries",
        arguments: cases)
    func dividedSequences(_ test: Case) throws {
        func train(threads: Int, chunkTokens: Int) throws -> (weights: [UInt32], losses: [Double]) {
            var configuration = test.configuration()
            configuration.corpus.sequenceLength = 200
            configuration.training.lanes = 3
            configuration.training.chunkTokens = chunkTokens
            let pool = ThreadPool(threadCount: threads)
            defer { pool.shutDown() }
            let engine = try TrainingEngine(
                configuration.engine, vocabularySize: EngineTests.vocabulary, special: EngineTests.special, pool: pool)
            engine.initialize()
            let losses = try (1...2).map { try engine.train(Self.longBatch(seed: UInt64($0)), step: $0).loss }
            return (engine.state.weights.elements.map(\.bitPattern), losses)
        }
        // There is nothing to contrast in a chunk of one sequence: refused.
        guard test.configuration().objective.contrast == 0 else { return }
        let expected = try train(threads: 1, chunkTokens: 64)
        for threads in [2, 5] {
            let actual = try train(threads: threads, chunkTokens: 64)
            #expect(actual.weights == expected.weights && actual.losses == expected.losses)
        }
        for (a, b) in zip(try train(threads: 2, chunkTokens: 600).losses, expected.losses) {
            #expect(abs(a - b) < 1e-4 * abs(b))
        }
    }

    @Test("One optimizer or two with the same values differ only by what is shared and clipped")
    func separateOptimizers() throws {
        func weights(
            _ separate: Bool, _ sharing: EmbeddingSharing, _ shared: SharedTensorUpdates = .both
        ) throws -> [UInt32] {
            let configuration = EngineTests.configuration {
                $0.model.embeddingSharing = sharing
                $0.optimizer.separate = separate
                $0.optimizer.sharedTensors = shared
                $0.optimizer.clipNorm = 0
            }
            let pool = ThreadPool(threadCount: 2)
            defer { pool.shutDown() }
            let engine = try TrainingEngine(
                configuration.engine, vocabularySize: EngineTests.vocabulary, special: EngineTests.special, pool: pool)
            engine.initialize()
            for step in 1...3 { _ = try engine.train(EngineTests.batch(sequences: 12, seed: UInt64(step)), step: step) }
            return engine.state.layout.specs.flatMap { spec in
                (0..<spec.count).map { engine.state.weights.base[spec.offset + $0].bitPattern }
            }
        }
        #expect(try weights(true, .separate) == weights(false, .separate))
        #expect(try weights(true, .disentangled) == weights(false, .disentangled))
        #expect(try weights(true, .shared) != weights(false, .shared))
        // Moved by one of two optimizers alone, by the sum of both gradients, shared tensors are as under one.
        #expect(try weights(true, .shared, .generator) == weights(false, .shared))
        #expect(try weights(true, .tokenOnly, .generator) == weights(false, .tokenOnly))
    }

    @Test("One model judges text that another replaced")
    func corruption() throws {
        let pool = ThreadPool(threadCount: 2)
        defer { pool.shutDown() }
        func engine(_ seed: Int, _ change: (inout RunConfiguration) -> Void) throws -> TrainingEngine {
            let engine = try TrainingEngine(
                EngineTests.configuration {
                    $0.training.seed = seed
                    $0.model.embeddingSize = 32
                    change(&$0)
                }.engine, vocabularySize: EngineTests.vocabulary, special: EngineTests.special, pool: pool)
            engine.initialize()
            return engine
        }
        let judge = try engine(1) { _ in }
        let evaluator = Evaluator(
            batches: [EngineTests.batch(sequences: 12, seed: 3), EngineTests.batch(sequences: 7, seed: 4)],
            vocabularySize: EngineTests.vocabulary, special: EngineTests.special, samples: 0, display: { "\($0)" })
        let own = try evaluator.evaluate(judge, step: 0)
        #expect(try evaluator.evaluate(judge, step: 0, corruptor: judge) == own)
        let others = [
            try engine(2) { $0.objective.name = .metro }, try engine(3) { $0.objective.replacements = .random },
        ]
        for other in others {
            let report = try evaluator.evaluate(other, step: 0, corruptor: judge)
            #expect(report.replacedFraction == own.replacedFraction)
            #expect(try evaluator.evaluate(other, step: 0).discriminatorLoss != report.discriminatorLoss)
            #expect(report.discriminatorAuc != own.discriminatorAuc)
        }
        #expect(try evaluator.evaluate(others[0], step: 0).correctiveLoss != nil)
        #expect(try evaluator.evaluate(others[1], step: 0).generatorLoss == nil)
    }

    struct Senseless: CustomTestStringConvertible {
        var key: String
        var change: @Sendable (inout RunConfiguration) -> Void
        var testDescription: String { key }
    }

    static let senseless = [
        Senseless(key: "model.embedding_size") { $0.objective.name = .metro },
        Senseless(key: "model.embedding_sharing") {
            $0.objective.replacements = .random
            $0.model.embeddingSharing = .disentangled
        },
        Senseless(key: "objective.corrective_tokens") {
            $0.objective.name = .metro
            $0.model.embeddingSize = 32
            $0.objective.correctiveTokens = .all
        },
        Senseless(key: "objective.replacements") {
            $0.objective.name = .maskedLanguageModel
            $0.objective.replacements = .random
        },
        Senseless(key: "objective.detected_tokens") {
            $0.objective.name = .replaceMLM
            $0.objective.detectedTokens = .masked
        },
        Senseless(key: "objective.contrastive_weight") {
            $0.objective.name = .allTokensMLM
            $0.objective.contrastiveWeight = 1
        },
        Senseless(key: "objective.frozen_generator.checkpoint") {
            $0.objective.replacements = .frozen
            $0.model.embeddingSharing = .separate
        },
        Senseless(key: "objective.frozen_generator") { $0.objective.frozenGenerator.temperature = 2 },
        Senseless(key: "model.embedding_sharing") {
            $0.objective.replacements = .frozen
            $0.objective.frozenGenerator.checkpoint = "x"
        },
        Senseless(key: "optimizer.separate") {
            $0.objective.replacements = .random
            $0.optimizer.separate = true
        },
        Senseless(key: "model.detection_head") {
            $0.objective.name = .replaceMLM
            $0.model.detectionHead = .linear
        },
        Senseless(key: "objective.contrastive_crop") { $0.objective.contrastiveCrop = 0.5 },
        Senseless(key: "objective.contrastive_temperature") {
            $0.objective.name = .cocoLM
            $0.model.embeddingSize = 32
            $0.objective.contrastiveWeight = 0
            $0.objective.contrastiveTemperature = 0.5
        },
        Senseless(key: "objective.generator_weight") {
            $0.objective.replacements = .frozen
            $0.objective.frozenGenerator.checkpoint = "x"
            $0.model.embeddingSharing = .separate
            $0.objective.generatorWeight = 2
        },
        Senseless(key: "objective.random_token_fraction") { $0.objective.randomTokenFraction = 0.3 },
        Senseless(key: "objective.generator_weight") {
            $0.objective.replacements = .random
            $0.objective.generatorWeight = 2
        },
        Senseless(key: "training.chunk_tokens") {
            $0.objective.contrastiveWeight = 1
            $0.training.chunkTokens = 30
        },
    ]

    @Test("Combinations that make no sense are refused by name", arguments: senseless)
    func refusals(_ test: Senseless) {
        let (key, configuration) = (test.key, EngineTests.configuration(test.change))
        let error = #expect(throws: (any Error).self) { try ConfigurationLookup.validate(configuration) }
        #expect(error.map { "\($0)" }?.contains(key) == true, "\(error.map { "\($0)" } ?? "")")
    }
}
