import Encoder
import Engine
import Foundation
import Interchange
import Kernels
import Pretraining
import TestSupport
import Testing
import Tokenization

/// Folders of Hugging Face's DeBERTa-v2 classes against what transformers itself saves.
@Suite final class DebertaExportTests {
    private struct Expected: Decodable {
        struct Class: Decodable {
            var network: String
            /// The engine's name and the shape of every tensor.
            var tensors: [String: Mapping]
        }
        struct Mapping: Decodable {
            var name: String
            var shape: [Int]

            init(from decoder: any Decoder) throws {
                var values = try decoder.unkeyedContainer()
                name = try values.decode(String.self)
                shape = try values.decode([Int].self)
            }
        }
        var classes: [String: Class]
    }

    private let folder: TemporaryFolder
    private let tokenizer: Tokenizer
    private let pool = ThreadPool(threadCount: 1)

    deinit { pool.shutDown() }

    init() throws {
        folder = try TemporaryFolder()
        tokenizer = try Tokenizer(json: Array(Fixture.data("tokenizer.json")))
    }

    /// The fixture's model.
    private func engine(_ change: (inout RunConfiguration) -> Void = { _ in }) throws -> TrainingEngine {
        try ExportedModel.engine(tokenizer, pool) {
            $0.model.hiddenSize = 16
            $0.model.intermediateSize = 24
            $0.model.embeddingSize = 16
            $0.model.maximumPositions = 40
            $0.corpus.sequenceLength = 40
            $0.model.positions = .none
            $0.model.attention.disentangled = true
            $0.model.attention.positionBuckets = 8
            $0.model.attention.maximumRelativeDistance = 24
            $0.model.normalization.epsilon = 1e-7
            $0.model.generator.widthMultiplier = 1
            $0.model.dropout = 0
            $0.model.attentionDropout = 0
            change(&$0)
        }
    }

    private func write(_ engine: TrainingEngine, _ name: String = "out") throws -> [HuggingFaceExport.Folder] {
        try HuggingFaceExport.write(engine, tokenizer: tokenizer, to: folder(name), form: .deberta, force: false)
    }

    @Test(
        "Names, shapes and values are those of transformers' classes",
        arguments: ["DebertaV2Model", "DebertaV2ForMaskedLM"])
    func tensors(architecture: String) throws {
        let engine = try engine {
            $0.parametrization.attentionMultiplier = 1.5
            $0.parametrization.outputMultiplier = 0.5
        }
        let folders = try write(engine)
        #expect(folders.map(\.architecture) == ["DebertaV2Model", "DebertaV2ForMaskedLM"])
        let expected = try JSONDecoder().decode(Expected.self, from: Fixture.data("deberta.json"))
        let known = try #require(expected.classes[architecture])
        let file = try SafetensorsFile(path: folder("out/\(known.network)/model.safetensors"))
        #expect(Set(file.names) == Set(known.tensors.keys))
        for (name, mapping) in known.tensors {
            // The fixture's vocabulary has 41 entries.
            let shape = mapping.shape.map { $0 == 41 ? tokenizer.vocabularySize : $0 }
            #expect(file.shape(of: name) == shape, "\(name)")
            let spec = try #require(engine.state.layout[mapping.name], "\(mapping.name)")
            let factor: Float =
                mapping.name.contains(".attention.query.")
                ? 1.5 : mapping.name.hasPrefix("generator.head.norm.") ? 0.5 : 1
            let own = (0..<spec.count).map { factor * engine.state.weights.base[spec.offset + $0] }
            let values = try file.floats(of: name)
            if factor == 1.5 {
                // The factor is a product of roots.
                #expect(zip(values, own).allSatisfy { abs($0 - $1) <= 2e-7 * abs($1) }, "\(name)")
            } else {
                #expect(values == own, "\(name)")
            }
        }
    }

    @Test func configurationAgreesWithTransformers() throws {
        _ = try write(try engine())
        func object(_ data: Data) throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        }
        let path = folder("out/discriminator/config.json")
        let ours = try object(Data(contentsOf: URL(fileURLWithPath: path)))
        let theirs = try #require(try object(Fixture.data("deberta.json"))["config"] as? [String: Any])
        for (key, value) in ours where !["architectures", "dtype", "vocab_size"].contains(key) {
            #expect((value as? NSObject) == (theirs[key] as? NSObject), "\(key)")
        }
        #expect(ours["architectures"] as? [String] == ["DebertaV2Model"])
        #expect(ours["vocab_size"] as? Int == tokenizer.vocabularySize)
    }

    @Test("A mask decoder's generator has no class; sums of tables are added up")
    func maskDecoder() throws {
        let engine = try engine {
            $0.model.generator.maskDecoder = true
            $0.model.embeddingSharing = .disentangled
            $0.optimizer.separate = true
            $0.model.detectionHead = .withClassification
        }
        for spec in engine.state.layout.specs where spec.name.hasSuffix("word_difference") {
            for i in 0..<spec.count { engine.state.weights.base[spec.offset + i] = Float(i % 7) }
        }
        engine.weightsChanged()
        #expect(try write(engine).map(\.architecture) == ["DebertaV2Model"])
        let file = try SafetensorsFile(path: folder("out/discriminator/model.safetensors"))
        let table = try #require(engine.state.layout["generator.embeddings.word"])
        let sum = (0..<table.count).map { engine.state.weights.base[table.offset + $0] + Float($0 % 7) }
        #expect(try file.floats(of: "embeddings.word_embeddings.weight") == sum)
        let code = try HuggingFaceExport.write(engine, tokenizer: tokenizer, to: folder("code"), force: false)
        #expect(code.map(\.name) == ["discriminator", "generator"])
    }

    @Test("What the classes lack is refused by the setting's name")
    func refusals() throws {
        let cases: [(setting: String, change: (inout RunConfiguration) -> Void)] = [
            (
                "model.attention.disentangled: false",
                {
                    $0.model.attention.disentangled = false
                    $0.model.positions = .learned
                }
            ),
            ("model.normalization.placement: pre", { $0.model.normalization.placement = .pre }),
            ("model.normalization.kind: rms_norm", { $0.model.normalization.kind = .rmsNorm }),
            ("model.feed_forward: geglu", { $0.model.feedForward = .geglu }),
            ("model.embedding_size: 8", { $0.model.embeddingSize = 8 }),
            (
                "a generator of hidden size 8",
                {
                    $0.model.generator.hiddenSize = 8
                    $0.model.generator.headCount = 1
                }
            ),
            ("model.generator.tied_output: false", { $0.model.generator.tiedOutput = false }),
        ]
        for (setting, change) in cases {
            let error = #expect(throws: ExportError.self) { _ = try self.write(try self.engine(change), "refused") }
            guard case .notDeberta(let found, _, _) = error else {
                Issue.record("\(setting): \(String(describing: error))")
                continue
            }
            #expect(found == setting)
        }
        #expect(!FileManager.default.fileExists(atPath: folder("refused")))
    }
}
