import Corpus
import Encoder
import Engine
import Foundation
import Interchange
import Kernels
import Objectives
import Pretraining
import TestSupport
import Testing
import Tokenization

/// Engines whose settings differ from ELECTRA's: what Hugging Face's classes can express is exported, the rest refused.
@Suite final class EngineExportTests {
    let folder: TemporaryFolder
    let tokenizer: Tokenizer
    private let pool = ThreadPool(threadCount: 1)

    deinit { pool.shutDown() }

    init() throws {
        folder = try TemporaryFolder()
        tokenizer = try Tokenizer(json: Array(Fixture.data("tokenizer.json")))
    }

    private func engine(_ change: (inout RunConfiguration) -> Void) throws -> TrainingEngine {
        try ExportedModel.engine(tokenizer, pool, change)
    }

    private func write(_ name: String, _ change: (inout ModelConfiguration) -> Void) throws -> TrainingEngine {
        let engine = try engine { change(&$0.model) }
        try HuggingFaceExport.write(engine, tokenizer: tokenizer, to: folder(name), form: .electra, force: false)
        return engine
    }

    private func refusal(_ change: (inout ModelConfiguration) -> Void) -> ExportError? {
        #expect(throws: ExportError.self) { _ = try write(UUID().uuidString, change) }
    }

    /// Moves every weight, so that nothing is at its initial value.
    private func disturb(_ engine: TrainingEngine) {
        var random = SplitMix64(seed: 3)
        for spec in engine.state.layout.specs {
            for i in 0..<spec.count {
                engine.state.weights.base[spec.offset + i] += Float.random(in: -0.3...0.3, using: &random)
            }
        }
        engine.weightsChanged()
    }

    /// Another engine with the weights of exported folders.
    private func load(_ imported: some NamedTensors, _ change: (inout RunConfiguration) -> Void) throws
        -> TrainingEngine
    {
        let engine = try engine(change)
        for spec in engine.state.layout.specs where imported.shape(of: spec.name) != nil {
            for (i, value) in try imported.values(of: spec.name).enumerated() {
                engine.state.weights.base[spec.offset + i] = value
            }
        }
        engine.weightsChanged()
        return engine
    }

    private static let batch = TokenBatch(
        tokens: [2] + (10..<24).map { Int32($0) } + [3, 2] + (30..<40).map { Int32($0) } + [3],
        sequenceOffsets: [0, 16, 28], segmentOffsets: [0, 16, 28])

    @Test(arguments: EmbeddingSharing.allCases, [ObjectiveName.electra, .metro, .cocoLM])
    func eachNetworkHasTheEmbeddingsThatItReads(_ sharing: EmbeddingSharing, _ objective: ObjectiveName) throws {
        let original = try engine {
            $0.model.embeddingSharing = sharing
            $0.objective.name = objective
            $0.model.embeddingSize = objective == .electra ? 8 : 32
            $0.optimizer.separate = sharing != .shared
            $0.model.normalization.epsilon = 1e-3
            $0.model.generator.dropout = 0
        }
        disturb(original)
        let folders = try HuggingFaceExport.write(original, tokenizer: tokenizer, to: folder("out"), force: false)
        #expect(folders.map(\.name) == ["discriminator", "generator"])
        #expect(folders.map(\.architecture) == ["ElectraForPreTraining", "ElectraForMaskedLM"])

        // Models that have one network each, and read what its folder holds.
        let discriminator = try ImportedNetwork(folder("out/discriminator"), as: .discriminator)
        let generator = try ImportedNetwork(folder("out/generator"), as: .generator)
        let both = try ImportedModel(main: discriminator, generator: generator)
        #expect(both.model.normalization.epsilon == 1e-3)
        #expect(both.model.dropout == 0.1 && both.model.generator.dropout == 0)
        #expect(
            both.sharing == (sharing == .shared ? .shared : sharing == .tokenOnly ? .tokenOnly : .separate))
        func plain(_ configuration: inout RunConfiguration) {
            configuration.model.embeddingSize = original.configuration.model.embeddingSize
            configuration.model.normalization.epsilon = 1e-3
        }
        let detecting = try load(discriminator) {
            plain(&$0)
            $0.objective.replacements = .random
        }
        let tokens: [Int32] = [2, 17, 250, 31, 8, 3]
        let logits = try original.detectionLogits([tokens])
        #expect(try detecting.detectionLogits([tokens]) == logits)
        #expect(try engine(plain).detectionLogits([tokens]) != logits)
        let replacing = try load(generator, plain)
        func generatorLoss(_ engine: TrainingEngine) throws -> Double {
            try engine.evaluate(Self.batch, index: 0) { _, _, _ in }.generatorLoss
        }
        #expect(try generatorLoss(replacing) == generatorLoss(original))
    }

    @Test func withoutGeneratorThereIsOneFolder() throws {
        let engine = try engine { $0.objective.replacements = .random }
        let folders = try HuggingFaceExport.write(engine, tokenizer: tokenizer, to: folder("out"), force: false)
        #expect(folders.map(\.name) == ["discriminator"])
    }

    /// The encoder computes the same, whatever its head was.
    @Test(
        arguments: [DetectionHeadKind.linear, .withClassification, .dense],
        [ObjectiveName.electra, .metro, .maskedLanguageModel, .allTokensMLM])
    func withoutADenseDetectionHeadTheEncoderIsExported(_ head: DetectionHeadKind, _ objective: ObjectiveName) throws {
        func change(_ configuration: inout RunConfiguration) {
            configuration.objective.name = objective
            configuration.model.detectionHead = head
            configuration.model.embeddingSize = 32
        }
        let original = try engine(change)
        disturb(original)
        let hasHead = head == .dense && (objective == .electra || objective == .metro)
        let predicts = objective == .maskedLanguageModel
        let folders = try HuggingFaceExport.write(original, tokenizer: tokenizer, to: folder("out"), force: false)
        #expect(
            folders.first?.architecture
                == (hasHead ? "ElectraForPreTraining" : predicts ? "ElectraForMaskedLM" : "ElectraModel"))
        #expect(folders.count == (original.configuration.objective.hasGenerator ? 2 : 1))
        let names = try SafetensorsFile(path: folder("out/discriminator/model.safetensors")).names
        #expect(names.contains("discriminator_predictions.dense.weight") == hasHead)
        #expect(
            names.allSatisfy { $0.hasPrefix("embeddings.") || $0.hasPrefix("encoder.") } == !(hasHead || predicts))

        // An engine with the exported encoder, and all else from the original.
        let imported = try ImportedNetwork(folder("out/discriminator"), as: .discriminator)
        let copy = try load(imported, change)
        func losses(_ engine: TrainingEngine) throws -> LossSums {
            try engine.evaluate(Self.batch, index: 0) { _, _, _ in }
        }
        // Of a masked language model there is nothing else.
        #expect(try (losses(copy) == losses(original)) == predicts)
        for spec in copy.state.layout.specs where imported.shape(of: spec.name) == nil {
            (copy.state.weights.base + spec.offset).update(
                from: original.state.weights.base + spec.offset, count: spec.count)
        }
        copy.weightsChanged()
        #expect(try losses(copy) == losses(original))
    }

    @Test("What a class has no place for is named, in the report and in the card") func whatIsLeftOutIsNamed() throws {
        func change(_ configuration: inout RunConfiguration) {
            configuration.objective.name = .cocoLM
            configuration.model.embeddingSize = 32
        }
        let engine = try engine(change)
        let fresh = try HuggingFaceExport.write(engine, tokenizer: tokenizer, to: folder("fresh"), force: false)
        // Nothing is lost of heads that have learned nothing.
        #expect(fresh.allSatisfy { $0.leftOut == nil })
        disturb(engine)
        let heads = engine.state.layout.specs.map(\.name).filter {
            $0.hasPrefix("discriminator.corrective.") || $0.hasPrefix("discriminator.contrastive.")
        }
        #expect(heads.count == 5)
        for form in [HuggingFaceExport.Form.electra, .customCode] {
            let folders = try HuggingFaceExport.write(
                engine, tokenizer: tokenizer, to: folder(form.rawValue), form: form, force: false)
            #expect(folders.map(\.leftOut) == [heads, nil])
            let card = try folder.text("\(form.rawValue)/discriminator/README.md")
            #expect(card.contains("left out: " + heads.map { "`\($0)`" }.joined(separator: ", ") + "."))
            #expect(try !folder.text("\(form.rawValue)/generator/README.md").contains("left out"))
        }
    }

    @Test func missingBiasesAreZeros() throws {
        let engine = try write("out") { $0.biases = false }
        let file = try SafetensorsFile(path: folder("out/discriminator/model.safetensors"))
        let biases = file.names.filter { $0.hasSuffix("bias") }
        #expect(biases.count == 2 * 8 + 1 + 1 + 2)
        let own = ["discriminator_predictions.dense.bias", "discriminator_predictions.dense_prediction.bias"]
        for name in biases where !own.contains(name) {
            #expect(try file.floats(of: name).allSatisfy { $0 == 0 }, "\(name)")
        }
        let imported = try ImportedModel(exported: folder("out"))
        for spec in engine.state.layout.specs {
            #expect(try imported.values(of: spec.name).count == spec.count)
        }
    }

    @Test func anUntiedOutputHasItsTable() throws {
        let engine = try write("out") { $0.generator.tiedOutput = false }
        let spec = try #require(engine.state.layout["generator.head.output.weight"])
        let expected = (0..<spec.count).map { engine.state.weights.base[spec.offset + $0] }
        let file = try SafetensorsFile(path: folder("out/generator/model.safetensors"))
        #expect(try file.floats(of: "generator_lm_head.weight") == expected)
        for (network, isTied) in [("generator", false), ("discriminator", true)] {
            let data = try Data(contentsOf: URL(fileURLWithPath: folder("out/\(network)/config.json")))
            let json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            #expect(json["tie_word_embeddings"] as? Bool == isTied)
        }
        let imported = try ImportedModel(exported: folder("out"))
        #expect(try imported.values(of: "generator.head.output.weight") == expected)
    }

    @Test func whatTheClassesLackIsRefused() throws {
        guard
            case .notExpressible("model.normalization.kind: rms_norm", _, _) = refusal({
                $0.normalization.kind = .rmsNorm
            }
            )
        else {
            Issue.record("RMSNorm")
            return
        }
        guard case .notExpressible("model.feed_forward: geglu", _, _) = refusal({ $0.feedForward = .geglu })
        else {
            Issue.record("GEGLU")
            return
        }
        guard
            case .notExpressible("model.relative_bias.sharing: shared", _, _) = refusal({
                $0.relativeBias.sharing = .shared
            })
        else {
            Issue.record("relative bias")
            return
        }
        for placement in [NormalizationPlacement.pre, .peri, .scaled] {
            guard case .notPostNormalized = refusal({ $0.normalization.placement = placement })
            else {
                Issue.record("\(placement)")
                return
            }
        }
        #expect(refusal { $0.positions = .rotary } == .noLearnedPositions)
    }
}
