import Encoder
import Foundation
import Interchange
import TestSupport
import Testing

/// Folders of ELECTRA that are changed in one place each.
@Suite struct ImportedNetworkTests {
    let folder: TemporaryFolder
    private static let word = "electra.embeddings.word_embeddings.weight"

    init() throws {
        folder = try TemporaryFolder()
        for network in NetworkKind.allCases {
            try FileManager.default.createDirectory(atPath: folder(network.rawValue), withIntermediateDirectories: true)
            for file in ["config.json", "model.safetensors"] {
                try Fixture.data("electra/\(network)/\(file)").write(to: url(network, file))
            }
        }
    }

    private func url(_ network: NetworkKind, _ file: String) -> URL {
        URL(fileURLWithPath: folder("\(network)/\(file)"))
    }

    private func open() throws -> ImportedModel { try ImportedModel(exported: folder.path) }

    /// Changes one folder's `config.json`.
    private func configure(_ network: NetworkKind, _ changes: [String: Any?]) throws {
        let data = try Fixture.data("electra/\(network)/config.json")
        var object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        for (key, value) in changes { object[key] = value }
        try JSONSerialization.data(withJSONObject: object).write(to: url(network, "config.json"))
    }

    /// Rewrites one folder's tensors.
    private func rewrite(
        _ network: NetworkKind, _ change: (inout [String: TensorDictionary.Tensor]) throws -> Void
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

    private func failure(_ body: () throws -> some Any) -> ImportError? {
        let error = #expect(throws: ImportError.self) { _ = try body() }
        #expect(error?.description.isEmpty == false)
        return error
    }

    @Test func bothFoldersGiveTheEngineParameters() throws {
        let imported = try open()
        #expect(imported.sharing == .shared)
        #expect(imported.model.initialization.standardDeviation == 0.3)
        #expect(imported.model.hiddenSize == 4 && imported.model.generator.hiddenSize == 6)
        #expect(try TensorDictionary(copying: imported) == Fixture.engine())
        #expect(imported.names.first == "embeddings.word")
        #expect(imported.shape(of: "nothing") == nil)
        #expect(throws: TensorDictionary.MissingTensor.self) { try imported.values(of: "nothing") }
    }

    @Test func oneFolderIsEnough() throws {
        let imported = try ImportedModel(main: ImportedNetwork(folder("discriminator"), as: .discriminator))
        #expect(Set(imported.names) == Set(try Fixture.engine().names.filter { !$0.hasPrefix("generator.") }))
        #expect(imported.objective.replacements == .random)
    }

    @Test func networksHaveInCommonWhatIsEqual() throws {
        let original = try Fixture.engine()
        try rewrite(.generator) { $0["electra.embeddings.position_embeddings.weight"]?.values[3] += 1 }
        var imported = try open()
        #expect(imported.sharing == .tokenOnly)
        #expect(imported.shape(of: "embeddings.word") != nil && imported.shape(of: "embeddings.position") == nil)
        let position = try original.values(of: "embeddings.position")
        #expect(try imported.values(of: "discriminator.embeddings.position") == position)
        #expect(try imported.values(of: "generator.embeddings.position")[3] == position[3] + 1)
        try rewrite(.generator) { $0[Self.word]?.values[17] += 1 }
        imported = try open()
        #expect(imported.sharing == .separate)
        let words = try original.values(of: "embeddings.word")
        #expect(try imported.values(of: "discriminator.embeddings.word") == words)
        #expect(try imported.values(of: "generator.embeddings.word")[17] == words[17] + 1)
    }

    @Test func whatMustBeOneCannotBeTwo() throws {
        let position = "electra.embeddings.position_embeddings.weight"
        try configure(.generator, ["max_position_embeddings": 5])
        try rewrite(.generator) { $0[position] = .init(shape: [5, 4], values: Array($0[position]!.values.prefix(20))) }
        #expect(failure { try open() } == .sharedPartDiffers("the longest sequence that they take (12 and 5)"))
    }

    @Test func aNormMustBeTheSame() throws {
        try configure(.generator, ["layer_norm_eps": 1e-5])
        #expect(failure { try open() } == .sharedPartDiffers("layer_norm_eps (1e-12 and 1e-05)"))
    }

    @Test func buffersAndTheTiedTableOfOlderReleasesAreKnown() throws {
        let tied = "generator_lm_head.weight"
        try rewrite(.generator) {
            $0["electra.embeddings.position_ids"] = .init(shape: [1, 12], values: (0..<12).map(Float.init))
            $0[tied] = $0[Self.word]
        }
        let imported = try open()
        #expect(try TensorDictionary(copying: imported) == Fixture.engine())
        #expect(imported.generator?.left.map(\.name) == ["electra.embeddings.position_ids"])
        try rewrite(.generator) { $0[tied]?.values[3] += 0.5 }
        #expect(failure { try open() } == .untiedOutput(path: folder("generator/model.safetensors"), tied))
    }

    @Test func anUntiedConfigurationNeedsItsTable() throws {
        try configure(.generator, ["tie_word_embeddings": false])
        #expect(
            failure { try open() }
                == .missingTensor(path: folder("generator/model.safetensors"), "generator_lm_head.weight"))
        try rewrite(.generator) {
            let table = $0[Self.word]!
            $0["generator_lm_head.weight"] = .init(shape: table.shape, values: table.values.map { $0 + 1 })
        }
        let untied = try open()
        #expect(!untied.model.generator.tiedOutput)
        let table = try untied.values(of: "embeddings.word")
        #expect(try untied.values(of: "generator.head.output.weight") == table.map { $0 + 1 })
        // The main encoder has no place for such a table, so the head is left as a whole.
        let main = try ImportedNetwork(folder("generator"), as: .discriminator)
        #expect(!main.names.contains { $0.contains("language_head") })
        #expect(main.left.count == 6 && main.left.allSatisfy { $0.reason.contains("output table of its own") })
    }

    @Test func everyTensorIsAccountedFor() throws {
        let path = folder("discriminator/model.safetensors")
        let bias = "discriminator_predictions.dense.bias"
        try rewrite(.discriminator) {
            $0["classifier.weight"] = .init(shape: [1], values: [0])
            $0["electra.pooler.dense.weight"] = .init(shape: [1], values: [0])
        }
        let left = try open().main.left
        #expect(Set(left.map(\.name)) == ["classifier.weight", "electra.pooler.dense.weight"])
        #expect(left.allSatisfy { !$0.reason.isEmpty && $0.shape == [1] })
        // As a generator, the same folder has another head than it needs.
        let generator = try ImportedNetwork(folder("discriminator"), as: .generator)
        #expect(generator.left.contains { $0.name == bias })
        let extra = "electra.encoder.layer.2.attention.self.query.weight"
        try rewrite(.discriminator) { $0[extra] = .init(shape: [1], values: [0]) }
        #expect(failure { try open() } == .unexpectedTensor(path: path, extra))
        try rewrite(.discriminator) {
            $0[extra] = nil
            $0[bias] = .init(shape: [2, 2], values: [1, 2, 3, 4])
        }
        #expect(failure { try open() } == .wrongShape(path: path, bias, expected: [4], found: [2, 2]))
        try rewrite(.discriminator) { $0[bias] = nil }
        #expect(failure { try open() } == .missingTensor(path: path, bias))
        try configure(.discriminator, ["num_hidden_layers": 3])
        #expect(
            failure { try open() }
                == .missingTensor(path: path, "electra.encoder.layer.2.attention.self.query.weight"))
    }

    @Test("Whole numbers are no weights", arguments: ["I32", "U32"])
    func wholeNumbers(_ type: String) throws {
        let file = url(.discriminator, "model.safetensors")
        var bytes = [UInt8](try Data(contentsOf: file))
        let name = "electra.encoder.layer.0.attention.self.query.weight"
        let header = String(decoding: bytes, as: UTF8.self)
        #expect(header.contains(name))
        let start = try #require(Data(bytes).range(of: Data("\"\(name)\"".utf8))).upperBound
        let place = try #require(Data(bytes).range(of: Data("F32".utf8), in: start..<bytes.count)).lowerBound
        bytes.replaceSubrange(place..<place + 3, with: Array(type.utf8))
        try Data(bytes).write(to: file)
        #expect(failure { try open() } == .wrongType(path: file.path, name, found: type))
    }

    @Test func weightsThatAreNotThereAreMissed() throws {
        let path = folder("discriminator/model.safetensors")
        try FileManager.default.moveItem(atPath: path, toPath: folder("discriminator/tf_model.h5"))
        #expect(failure { try open() } == .noWeights(folder: folder("discriminator"), found: ["\"tf_model.h5\""]))
        try FileManager.default.removeItem(atPath: folder("discriminator/config.json"))
        #expect(failure { try open() } == .noConfiguration(folder: folder("discriminator")))
    }

    @Test func brokenNumbersAreRefused() throws {
        try rewrite(.discriminator) { $0[Self.word]?.values[5] = .nan }
        let imported = try ImportedNetwork(folder("discriminator"), as: .discriminator)
        #expect(
            failure { try imported.values(of: "embeddings.word") }
                == .nonFinite(path: folder("discriminator/model.safetensors"), Self.word, index: 5))
    }

    @Test func aVocabularyMayHaveRowsToSpare() throws {
        let cut = try ImportedNetwork(folder("generator"), as: .generator, vocabularySize: 270)
        #expect(cut.shape(of: "embeddings.word") == [270, 4] && cut.shape(of: "generator.head.bias") == [270])
        let whole = try Fixture.engine().values(of: "embeddings.word")
        #expect(try cut.values(of: "embeddings.word") == Array(whole.prefix(270 * 4)))
        #expect(
            failure { try ImportedNetwork(folder("generator"), as: .generator, vocabularySize: 281) }
                == .vocabularyTooSmall(path: folder("generator/config.json"), rows: 280, tokenizer: 281))
    }

    @Test func otherModelsAreRefused() throws {
        let changes: [[String: Any]] = [
            ["model_type": "gpt2"], ["hidden_act": "relu"], ["position_embedding_type": "relative_key"],
            ["is_decoder": true], ["num_attention_heads": 3], ["num_attention_heads": 0], ["hidden_size": -4],
            ["hidden_size": Int.max], ["num_hidden_layers": 1_000_000_000], ["vocab_size": 0],
            ["layer_norm_eps": -1], ["hidden_size": "4"], ["hidden_size": 4.5], ["hidden_dropout_prob": 1],
            ["architectures": "ElectraModel"], ["tie_word_embeddings": 1],
        ]
        for change in changes {
            try configure(.discriminator, change)
            guard case .unsupported(folder("discriminator/config.json"), _) = failure({ try open() }) else {
                Issue.record("not refused: \(change)")
                continue
            }
        }
        let texts = [
            "", "[]", "{", String(repeating: "[", count: 100_000), #"{"model_type":"electra","model_type":"bert"}"#,
        ]
        for text in texts {
            try Data(text.utf8).write(to: url(.discriminator, "config.json"))
            guard case .unsupported = failure({ try open() }) else {
                Issue.record("not refused: \(text.prefix(10))")
                continue
            }
        }
    }

    @Test func theClassTellsTheFamilyOfOldFolders() throws {
        try configure(.discriminator, ["model_type": nil])
        #expect(try TensorDictionary(copying: open()) == Fixture.engine())
        for name in ["ElectraThing", "TFElectraModel", ""] {
            try configure(.discriminator, ["model_type": nil, "architectures": [name]])
            guard case .unsupported = failure({ try open() }) else {
                Issue.record("taken for an ELECTRA: \(name)")
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
