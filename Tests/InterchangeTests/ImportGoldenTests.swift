import Corpus
import Encoder
import Engine
import Foundation
import Interchange
import Kernels
import Objectives
import Optimization
import Pretraining
import TestSupport
import Testing

/// Imported miniatures against what transformers computes with them in double precision: `Tools/make_import_fixtures.py`.
@Suite final class ImportGoldenTests {
    private let pool = ThreadPool(threadCount: 1)

    deinit { pool.shutDown() }

    /// Safetensors and pytorch_model.bin; embeddings narrower than the hidden states and as wide.
    static let pairs = ["electra-small", "electra-base"]

    private func engine(_ imported: ImportedWeights) throws -> TrainingEngine {
        let tokenizer = imported.tokenizer.tokenizer
        let engine = try TrainingEngine(
            imported.configuration.engine, vocabularySize: tokenizer.vocabularySize, special: tokenizer.specialTokens,
            pool: pool)
        #expect(engine.state.layout.specs == imported.layout.specs)
        engine.state.weights.base.update(from: imported.weights.base, count: imported.layout.bufferCount)
        engine.weightsChanged()
        return engine
    }

    /// A chunk of sequences, one after another.
    private func pass(_ engine: TrainingEngine, _ offsets: [Int], gradients: FloatBuffer? = nil) -> LanePass {
        LanePass(
            weights: engine.state.weights.base, gradients: gradients?.base, arena: arena(engine).base, dropout: nil,
            chunk: ChunkGeometry(firstRow: 0, tokenCount: offsets.last ?? 0, segmentOffsets: offsets))
    }

    private var arenas: [FloatBuffer] = []

    private func arena(_ engine: TrainingEngine) -> FloatBuffer {
        arenas.append(FloatBuffer(count: engine.objective.model.activationCount))
        return arenas[arenas.count - 1]
    }

    private struct Expected {
        let ids: [Int32]
        let offsets: [Int]
        let hidden: [Double]
        let logits: [Double]

        init(_ folder: String) throws {
            let file = try SafetensorsFile(path: Fixture.path("import/\(folder)/expected.safetensors"))
            ids = try file.integers(of: "ids", as: Int32.self)
            offsets = try file.integers(of: "lengths", as: Int.self).reduce(into: [0]) {
                $0.append($0[$0.count - 1] + $1)
            }
            hidden = try file.doubles(of: "hidden")
            logits = try file.doubles(of: "logits")
        }

        var rows: [Int32] { ids.indices.map(Int32.init) }
    }

    /// Of the vocabulary, the columns that the fixtures keep.
    private func kept(_ logits: [Float]) -> [Double] {
        logits.enumerated().filter { $0.offset % 280 % 9 == 0 }.map { Double($0.element) }
    }

    private func doubles(_ values: [Float]) -> [Double] { values.map { Double($0) } }

    @Test(arguments: pairs) func electraComputesTheSame(_ name: String) throws {
        let imported = try ImportedWeights(Fixture.path("import/\(name)"))
        #expect(imported.report.made.isEmpty && imported.report.left.isEmpty)
        #expect(imported.trainsTokenTypes)
        let engine = try engine(imported)
        for network in [NetworkKind.discriminator, .generator] {
            let expected = try Expected("\(name)/\(network.rawValue)")
            let hidden = engine.objective.hiddenStates(of: network, expected.ids, pass(engine, expected.offsets))
            #expect(relativeError(doubles(hidden), expected.hidden) < 1e-5, "\(network)")
            let logits =
                network == .discriminator
                ? doubles(engine.objective.detect(expected.ids, pass(engine, expected.offsets)))
                : kept(
                    engine.objective.generatorLogits(expected.ids, rows: expected.rows, pass(engine, expected.offsets)))
            #expect(relativeError(logits, expected.logits) < 1e-5, "\(network)")
        }
    }

    @Test(arguments: ["bert", "roberta"]) func otherEncodersComputeTheSame(_ name: String) throws {
        let imported = try ImportedWeights(Fixture.path("import/\(name)"))
        #expect(imported.configuration.objective.name == .maskedLanguageModel)
        #expect(imported.report.made.isEmpty)
        let engine = try engine(imported)
        let expected = try Expected(name)
        let hidden = engine.objective.hiddenStates(of: .discriminator, expected.ids, pass(engine, expected.offsets))
        #expect(relativeError(doubles(hidden), expected.hidden) < 1e-5)
        let logits = engine.objective.languageLogits(expected.ids, rows: expected.rows, pass(engine, expected.offsets))
        #expect(relativeError(kept(logits), expected.logits) < 1e-5)
        // The same weights as a generator, beside themselves.
        let both = try ImportedWeights(Fixture.path("import/\(name)"), generator: Fixture.path("import/\(name)"))
        #expect(
            both.configuration.objective.name == .replaceMLM && both.configuration.model.embeddingSharing == .shared)
        let pair = try self.engine(both)
        let generated = pair.objective.generatorLogits(expected.ids, rows: expected.rows, pass(pair, expected.offsets))
        #expect(relativeError(kept(generated), expected.logits) < 1e-5)
    }

    @Test func debertaDetectsTheSame() throws {
        let imported = try ImportedWeights(Fixture.path("import/deberta"))
        #expect(imported.configuration.model.detectionHead == .withClassification)
        #expect(imported.report.made.map(\.name) == ["embeddings.token_type"])
        // As a main encoder that detects it has no place for the other head.
        #expect(imported.report.left.contains { $0.name.hasPrefix("cls.predictions") })
        let engine = try engine(imported)
        let expected = try Expected("deberta")
        let hidden = engine.objective.hiddenStates(of: .discriminator, expected.ids, pass(engine, expected.offsets))
        #expect(relativeError(doubles(hidden), expected.hidden) < 1e-5)
        let logits = engine.objective.detect(expected.ids, pass(engine, expected.offsets))
        #expect(relativeError(doubles(logits), expected.logits) < 1e-5)
    }

    @Test(arguments: pairs) func oneStepIsThatOfPyTorch(_ name: String) throws {
        let imported = try ImportedWeights(Fixture.path("import/\(name)"))
        let engine = try engine(imported)
        let file = try SafetensorsFile(path: Fixture.path("import/\(name)/step.safetensors"))
        func number(_ key: String) throws -> Double { try #require(file.header.metadata[key].flatMap { Double($0) }) }
        let offsets: [Int] = try file.integers(of: "offsets")
        let positions = try file.integers(of: "positions", as: Int32.self)
        let ids = try file.integers(of: "ids", as: Int32.self)
        let work = ReplacedTokenDetection.Work(
            batch: TokenBatch(tokens: ids, sequenceOffsets: offsets, segmentOffsets: offsets),
            masking: Masking(inputs: try file.integers(of: "masked", as: Int32.self), positions: positions),
            sampling: Philox(seed: 0, purpose: .sampling), step: 0,
            replacements: try file.integers(of: "sampled", as: Int32.self))
        let layout = engine.state.layout
        let gradients = FloatBuffer(count: layout.bufferCount)
        let sums = engine.objective.run(work, pass(engine, offsets, gradients: gradients)).sums
        let losses = try file.doubles(of: "losses")
        #expect(abs(sums.meanGeneratorLoss - losses[0]) < 1e-5 * losses[0])
        #expect(abs(sums.meanDiscriminatorLoss - losses[1]) < 1e-5 * losses[1])
        #expect(abs(engine.configuration.objective.total(sums) - losses[2]) < 1e-5 * losses[2])

        var configuration = OptimizerConfiguration()
        configuration.peakLearningRate = try number("lr")
        configuration.epsilon = try number("eps")
        configuration.weightDecay = try number("weight_decay")
        Optimizer(configuration, layout, parametrization: .init()).update(
            weights: engine.state.weights, gradients: gradients, state: engine.state.optimizer.map(\.buffer), step: 1,
            scheduleFactor: 1, gradientScales: [1], pool: pool)
        for spec in layout.specs {
            let weights = (0..<spec.count).map { Double(engine.state.weights.base[spec.offset + $0]) }
            let before = (0..<spec.count).map { Double(imported.weights.base[spec.offset + $0]) }
            let expected = try file.doubles(of: spec.name)
            #expect(relativeError(weights, expected) < 1e-5, "\(spec.name)")
            if !spec.name.hasSuffix("key.bias") {
                #expect(relativeError(before, expected) > 1e-4, "\(spec.name) moves")
            }
        }
    }

    /// A tensor that is taken in part, or more than once, is taken where it should be.
    @Test func positionsAndTypesOfRoberta() throws {
        let imported = try ImportedWeights(Fixture.path("import/roberta"))
        #expect(!imported.trainsTokenTypes && imported.configuration.model.maximumPositions == 16)
        let files = try WeightFiles(folder: Fixture.path("import/roberta"))
        func values(_ name: String) throws -> [Float] {
            let spec = try #require(imported.layout[name])
            return (0..<spec.count).map { imported.weights.base[spec.offset + $0] }
        }
        let positions = try files.floats(of: "roberta.embeddings.position_embeddings.weight")
        #expect(try values("embeddings.position") == Array(positions.dropFirst(2 * 16)))
        let types = try files.floats(of: "roberta.embeddings.token_type_embeddings.weight")
        #expect(try values("embeddings.token_type") == types + types)
        let remarks = imported.report.taken.compactMap(\.remark)
        #expect(remarks == ["rows 2 to 17 of 18", "the row repeated 2 times"])
    }
}
