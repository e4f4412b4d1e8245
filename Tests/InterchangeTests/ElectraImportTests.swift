import Foundation
import Interchange
import TestSupport
import Testing

@Suite struct ElectraImportTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for network in ElectraNetwork.allCases {
            try FileManager.default.createDirectory(atPath: folder(network.rawValue), withIntermediateDirectories: true)
            for file in ["config.json", "model.safetensors"] {
                try Fixture.data("electra/\(network)/\(file)").write(to: url(network, file))
            }
        }
    }

    private func url(_ network: ElectraNetwork, _ file: String) -> URL {
        URL(fileURLWithPath: folder("\(network)/\(file)"))
    }

    private func open(_ embeddings: ElectraImport.SharedEmbeddings = .equal) throws -> ElectraImport {
        try ElectraImport(
            discriminator: folder("discriminator"), generator: folder("generator"), embeddings: embeddings)
    }

    /// Changes one folder's `config.json`.
    private func configure(_ network: ElectraNetwork, _ changes: [String: Any?]) throws {
        let data = try Fixture.data("electra/\(network)/config.json")
        var object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        for (key, value) in changes { object[key] = value }
        try JSONSerialization.data(withJSONObject: object).write(to: url(network, "config.json"))
    }

    /// Rewrites one folder's tensors.
    private func rewrite(
        _ network: ElectraNetwork, _ change: (inout [String: TensorDictionary.Tensor]) throws -> Void
    ) throws {
        var tensors = try TensorDictionary(copying: SafetensorsFile(path: url(network, "model.safetensors").path))
            .tensors
        try change(&tensors)
        let sorted = tensors.sorted { $0.key < $1.key }
        let writer = try SafetensorsWriter(
            path: url(network, "model.safetensors").path, tensors: sorted.map { ($0.key, .float32, $0.value.shape) })
        for (_, tensor) in sorted { try writer.append(tensor.values) }
        try writer.finish()
    }

    private func failure(_ body: () throws -> ElectraImport) -> ElectraImportError? {
        let error = #expect(throws: ElectraImportError.self) { _ = try body() }
        #expect(error?.description.isEmpty == false)
        return error
    }

    @Test func bothFoldersGiveTheEngineParameters() throws {
        let imported = try open()
        #expect(imported.shape == Fixture.shape)
        #expect(imported.settings.generator == ElectraSettings(initializerRange: 0.3))
        #expect(try TensorDictionary(copying: imported) == Fixture.engine())
        #expect(imported.names.first == "embeddings.word")
        #expect(imported.shape(of: "nothing") == nil)
        #expect(throws: TensorDictionary.MissingTensor.self) { try imported.values(of: "nothing") }
    }

    @Test func oneFolderIsEnough() throws {
        let imported = try ElectraImport(discriminator: folder("discriminator"), generator: nil)
        #expect(imported.shape.networks.generator == nil)
        #expect(imported.shape.networks.discriminator == Fixture.shape.networks.discriminator)
        #expect(Set(imported.names) == imported.shape.engineNames)
        #expect(failure { try ElectraImport(discriminator: nil, generator: nil) } == .noFolders)
    }

    @Test func differingEmbeddingsNeedAChoice() throws {
        let word = "electra.embeddings.word_embeddings.weight"
        try rewrite(.generator) { $0[word]?.values[17] += 1 }
        #expect(failure { try open() } == .sharedPartDiffers("embeddings.word"))
        let original = try Fixture.engine().values(of: "embeddings.word")
        #expect(try open(.from(.discriminator)).values(of: "embeddings.word") == original)
        #expect(try open(.from(.generator)).values(of: "embeddings.word")[17] == original[17] + 1)
    }

    @Test func differingSizesCannotBeShared() throws {
        let position = "electra.embeddings.position_embeddings.weight"
        try configure(.generator, ["max_position_embeddings": 5])
        try rewrite(.generator) { $0[position] = .init(shape: [5, 4], values: Array($0[position]!.values.prefix(20))) }
        guard case .sharedPartDiffers = failure({ try open() }) else { return }
    }

    @Test func buffersAndTheTiedTableOfOlderReleasesAreKnown() throws {
        let tied = "generator_lm_head.weight"
        try rewrite(.generator) {
            $0["electra.embeddings.position_ids"] = .init(shape: [1, 12], values: (0..<12).map(Float.init))
            $0[tied] = $0["electra.embeddings.word_embeddings.weight"]
        }
        #expect(try TensorDictionary(copying: open()) == Fixture.engine())
        try rewrite(.generator) { $0[tied]?.values[3] += 0.5 }
        #expect(failure { try open() } == .untiedOutput(path: folder("generator/model.safetensors")))
    }

    @Test func anUntiedConfigurationNeedsItsTable() throws {
        try configure(.generator, ["tie_word_embeddings": false])
        #expect(
            failure { try open() }
                == .missingTensor(path: folder("generator/model.safetensors"), "generator_lm_head.weight"))
        try rewrite(.generator) {
            let table = $0["electra.embeddings.word_embeddings.weight"]!
            $0["generator_lm_head.weight"] = .init(shape: table.shape, values: table.values.map { $0 + 1 })
        }
        let untied = try open()
        #expect(!untied.shape.outputIsTied)
        let table = try untied.values(of: "embeddings.word")
        #expect(try untied.values(of: "generator.head.output.weight") == table.map { $0 + 1 })
    }

    @Test func tensorsMustBeThoseOfTheConfiguration() throws {
        let path = folder("discriminator/model.safetensors")
        let bias = "discriminator_predictions.dense.bias"
        try rewrite(.discriminator) { $0["classifier.weight"] = .init(shape: [1], values: [0]) }
        #expect(failure { try open() } == .unexpectedTensor(path: path, "classifier.weight"))
        try rewrite(.discriminator) {
            $0["classifier.weight"] = nil
            $0[bias] = .init(shape: [2, 2], values: [1, 2, 3, 4])
        }
        #expect(failure { try open() } == .wrongShape(path: path, bias, expected: [4], found: [2, 2]))
        try rewrite(.discriminator) { $0[bias] = nil }
        #expect(failure { try open() } == .missingTensor(path: path, bias))
        try configure(.discriminator, ["num_hidden_layers": 3])
        #expect(
            failure { try open() }
                == .missingTensor(path: path, "electra.encoder.layer.2.attention.self.query.weight"))
        try FileManager.default.removeItem(atPath: path)
        #expect(failure { try open() } == .noWeights(folder: folder("discriminator")))
    }

    @Test func otherModelsAreRefused() throws {
        let changes: [[String: Any]] = [
            ["model_type": "bert"], ["hidden_act": "relu"], ["position_embedding_type": "relative_key"],
            ["is_decoder": true], ["num_attention_heads": 3], ["num_attention_heads": 0], ["hidden_size": -4],
            ["hidden_size": Int.max], ["num_hidden_layers": 1_000_000_000], ["vocab_size": 0],
            ["layer_norm_eps": -1], ["hidden_size": "4"], ["hidden_size": 4.5],
        ]
        for change in changes {
            try configure(.discriminator, change)
            guard case .unsupported(folder("discriminator/config.json"), _) = failure({ try open() }) else {
                Issue.record("not refused: \(change)")
                continue
            }
        }
        for text in ["", "[]", "{", String(repeating: "[", count: 100_000)] {
            try Data(text.utf8).write(to: url(.discriminator, "config.json"))
            guard case .unsupported = failure({ try open() }) else {
                Issue.record("not refused: \(text.prefix(10))")
                continue
            }
        }
    }

    @Test func whatAConfigurationLeavesOutHasTheDefault() throws {
        try Data(#"{"model_type":"electra"}"#.utf8).write(to: url(.discriminator, "config.json"))
        // ElectraConfig's defaults are those of electra-small, so its shapes are asked for.
        #expect(
            failure { try open() }
                == .wrongShape(
                    path: folder("discriminator/model.safetensors"), "electra.embeddings.word_embeddings.weight",
                    expected: [30522, 128], found: [280, 4]))
    }
}
