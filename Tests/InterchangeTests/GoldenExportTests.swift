import Foundation
import Interchange
import TestSupport
import Testing

/// Exports the golden models, so that `Tools/check_export.py` can compare what transformers computes with them.
///
/// The folders stay where `PRETRAIN_EXPORT_FOLDER` says, if it is set:
///
///     PRETRAIN_EXPORT_FOLDER=/tmp/exported swift test -c release --filter GoldenExportTests
///     Tools/check_export.py /tmp/exported/tiny
///     Tools/check_export.py /tmp/exported/plain --fixture Tests/GoldenTests/Fixtures/electra.safetensors
///     Tools/check_export.py /tmp/exported/multiplied --multiplied --fixture Tests/GoldenTests/Fixtures/electra.safetensors
@Suite struct GoldenExportTests {
    let temporary: TemporaryFolder

    init() throws { temporary = try TemporaryFolder() }

    private func parent() throws -> String {
        let path = ProcessInfo.processInfo.environment["PRETRAIN_EXPORT_FOLDER"] ?? temporary.path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    /// The tiny models with a tokenizer that knows every byte.
    @Test func tinyModelsCanBeExported() throws {
        let export = ElectraExport(shape: Fixture.shape, tokenizer: try Fixture.data("tokenizer.json"))
        let path = try parent() + "/tiny"
        try export.write(Fixture.engine(), to: path, force: true)
        let imported = try ImportedModel(exported: path)
        #expect(try TensorDictionary(copying: imported) == Fixture.engine())
    }

    @Test func goldenModelsCanBeExported() throws {
        let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("GoldenTests/Fixtures/electra.safetensors")
        let file = try SafetensorsFile(path: fixture.path)
        let metadata = file.header.metadata
        func size(_ key: String) throws -> Int { try #require(metadata[key].flatMap { Int($0) }, "\(key)") }
        func network(_ name: ElectraNetwork) throws -> ElectraShape.Network {
            ElectraShape.Network(
                hiddenSize: try size("\(name).hidden_size"), feedForwardSize: try size("\(name).intermediate_size"),
                headCount: try size("\(name).num_attention_heads"), layerCount: try size("\(name).num_hidden_layers"))
        }
        func multipliers(_ name: ElectraNetwork) throws -> ExportMultipliers {
            ExportMultipliers(
                attention: try #require(metadata["\(name).attention_multiplier"].flatMap { Double($0) }),
                output: try #require(metadata["\(name).output_multiplier"].flatMap { Double($0) }))
        }
        let shape = ElectraShape(
            vocabularySize: try size("vocab_size"), embeddingSize: try size("embedding_size"),
            positionCount: try size("max_position_embeddings"), discriminator: try network(.discriminator),
            generator: try network(.generator))
        var weights = TensorDictionary()
        for name in shape.engineNames {
            weights.tensors[name] = .init(shape: try #require(file.shape(of: name)), values: try file.floats(of: name))
        }

        let parent = try parent()
        var export = ElectraExport(shape: shape, tokenizer: Self.tokenizer(size: shape.vocabularySize))
        try export.write(weights, to: parent + "/plain", force: true)
        export.multipliers = PerNetwork(
            discriminator: try multipliers(.discriminator), generator: try multipliers(.generator))
        try export.write(weights, to: parent + "/multiplied", force: true)

        let imported = try ImportedModel(exported: parent + "/plain")
        #expect(try TensorDictionary(copying: imported) == weights)
    }

    /// A byte-level BPE without merges that knows printable ASCII only: it has to fit into the golden models.
    private static func tokenizer(size: Int) -> Data {
        let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        let characters = "Ġ" + String(String.UnicodeScalarView((33...126).compactMap(Unicode.Scalar.init)))
        let tokens = Array((special + characters.map(String.init)).prefix(size))
        let vocabulary = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, $0) })
        let added: [[String: Any]] = special.enumerated().map { id, token in
            [
                "id": id, "content": token, "special": true, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false,
            ]
        }
        let byteLevel: [String: Any] = [
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
        ]
        let model: [String: Any] = [
            "type": "BPE", "vocab": vocabulary, "merges": [[String]](), "unk_token": "[UNK]", "fuse_unk": false,
            "byte_fallback": false,
        ]
        let root: [String: Any] = [
            "version": "1.0", "added_tokens": added, "pre_tokenizer": byteLevel, "decoder": byteLevel, "model": model,
        ]
        return (try? JSONSerialization.data(withJSONObject: root, options: .sortedKeys)) ?? Data()
    }
}
