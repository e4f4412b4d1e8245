import Files
import Foundation
import Interchange
import TestSupport
import Testing

@Suite struct ElectraExportTests {
    let folder: TemporaryFolder
    let engine: TensorDictionary
    let export: ElectraExport

    init() throws {
        folder = try TemporaryFolder()
        engine = try Fixture.engine()
        export = ElectraExport(shape: Fixture.shape, tokenizer: try Fixture.data("tokenizer.json"))
    }

    private func json(_ path: String) throws -> [String: Any] {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    private func failure(_ body: () throws -> Void) -> ExportError? {
        let error = #expect(throws: ExportError.self) { try body() }
        #expect(error?.description.isEmpty == false)
        return error
    }

    private func changed(_ change: (inout TensorDictionary) throws -> Void) rethrows -> TensorDictionary {
        var copy = engine
        try change(&copy)
        return copy
    }

    @Test(arguments: ElectraNetwork.allCases)
    func weightsAreThoseThatTransformersSaved(_ network: ElectraNetwork) throws {
        try export.write(engine, to: folder("out"))
        #expect(folder.names() == ["out"])
        let ours = try SafetensorsFile(path: folder("out/\(network)/model.safetensors"))
        let theirs = try SafetensorsFile(path: Fixture.path("electra/\(network)/model.safetensors"))
        #expect(Set(ours.names) == Set(theirs.names))
        #expect(ours.header.metadata == theirs.header.metadata)
        for name in theirs.names {
            #expect(ours.entry(name)?.type == .float32)
            #expect(ours.shape(of: name) == theirs.shape(of: name))
            #expect(try ours.bytes(of: name) == theirs.bytes(of: name), "\(name)")
        }
    }

    @Test(arguments: ElectraNetwork.allCases)
    func configurationAgreesWithTransformers(_ network: ElectraNetwork) throws {
        var export = export
        export.settings = PerNetwork(both: ElectraSettings(initializerRange: 0.3))
        try export.write(engine, to: folder("out"))
        let ours = try json(folder("out/\(network)/config.json"))
        let theirs = try json(Fixture.path("electra/\(network)/config.json"))
        for (key, value) in ours {
            #expect((value as? NSObject) == (theirs[key] as? NSObject), "\(key)")
        }
        // What transformers writes beyond it are defaults, and the version.
        let defaults: Set = [
            "add_cross_attention", "bos_token_id", "classifier_dropout", "eos_token_id", "is_decoder",
            "summary_activation", "summary_last_dropout", "summary_type", "summary_use_proj", "transformers_version",
            "use_cache",
        ]
        #expect(Set(theirs.keys).subtracting(ours.keys) == defaults)
    }

    @Test func tokenizerFiles() throws {
        try export.write(engine, to: folder("out"))
        for network in ElectraNetwork.allCases {
            let files = try FileManager.default.contentsOfDirectory(atPath: folder("out/\(network)")).sorted()
            #expect(
                files == [
                    "README.md", "config.json", "model.safetensors", "special_tokens_map.json", "tokenizer.json",
                    "tokenizer_config.json",
                ])
            let tokenizer = try Data(contentsOf: URL(fileURLWithPath: folder("out/\(network)/tokenizer.json")))
            #expect(tokenizer == export.tokenizer)
            let settings = try json(folder("out/\(network)/tokenizer_config.json"))
            #expect(settings["tokenizer_class"] as? String == "PreTrainedTokenizerFast")
            #expect(settings["clean_up_tokenization_spaces"] as? Bool == false)
            #expect(settings["model_max_length"] as? Int == 12)
            let special = try json(folder("out/\(network)/special_tokens_map.json")) as? [String: String]
            #expect(
                special == [
                    "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
                    "mask_token": "[MASK]",
                ])
            for (key, value) in special ?? [:] { #expect(settings[key] as? String == value) }
        }
    }

    @Test func importGivesBackWhatWasExported() throws {
        try export.write(engine, to: folder("out"))
        #expect(try TensorDictionary(copying: ImportedModel(exported: folder("out"))) == engine)
    }

    @Test func multipliersAreFolded() throws {
        var export = export
        export.multipliers = PerNetwork(
            discriminator: ExportMultipliers(attention: 0.75, output: 3), generator: ExportMultipliers(output: 0.3))
        try export.write(engine, to: folder("out"))
        for network in ElectraNetwork.allCases {
            let file = try SafetensorsFile(path: folder("out/\(network)/model.safetensors"))
            for tensor in Fixture.shape.tensors(of: network) {
                let name = tensor.engineName
                let factor: Double =
                    if network == .discriminator, name.contains(".attention.query.") {
                        0.75
                    } else if name == "discriminator.head.output.weight" {
                        3
                    } else if name.hasPrefix("generator.head.norm.") {
                        0.3
                    } else {
                        1
                    }
                let expected = try engine.values(of: name).map { Float(Double($0) * factor) }
                #expect(try file.values(of: tensor.huggingFaceName) == expected, "\(name)")
            }
        }
    }

    @Test func oneNetworkAlone() throws {
        var export = export
        export.shape.networks.generator = nil
        let source = TensorDictionary(engine.tensors.filter { !$0.key.hasPrefix("generator.") })
        try export.write(source, to: folder("out"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder("out")) == ["discriminator"])
        export.shape.networks.discriminator = nil
        #expect(failure { try export.write(source, to: folder("none")) } == .noNetworks)
    }

    @Test func existingFoldersAreKept() throws {
        let out = folder("out")
        try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: false)
        try export.write(engine, to: out + "/")  // An empty folder may be there.
        #expect(failure { try export.write(engine, to: out) } == .folderNotEmpty(out))

        let other = changed { $0.tensors["generator.head.bias"]?.values[0] = 123 }
        try export.write(other, to: out, force: true)
        #expect(
            try SafetensorsFile(path: out + "/generator/model.safetensors").floats(of: "generator_lm_head.bias")[0]
                == 123)
        #expect(folder.names() == ["out"])

        try Data().write(to: URL(fileURLWithPath: out + "/thesis.txt"))
        #expect(
            failure { try export.write(engine, to: out, force: true) } == .folderHoldsOtherFiles(out, ["thesis.txt"]))
        #expect(FileManager.default.fileExists(atPath: out + "/thesis.txt"))
        // What somebody has trained in one of its folders stays too.
        try FileManager.default.createDirectory(
            atPath: out + "/generator/checkpoint-500", withIntermediateDirectories: false)
        #expect(
            failure { try export.write(engine, to: out, force: true) }
                == .folderHoldsOtherFiles(out, ["generator/checkpoint-500", "thesis.txt"]))
        #expect(throws: FileFailure.self) { try export.write(engine, to: out + "/thesis.txt") }
        #expect(throws: FileFailure.self) { try export.write(engine, to: folder("no/such/parent")) }
        #expect(throws: FileFailure.self) { try export.write(engine, to: "") }
        #expect(folder.names() == ["out"])
    }

    @Test func aFailureLeavesNothingBehind() throws {
        /// Fails at the last tensor that is written, when everything else is on the disk.
        struct Failing: NamedTensors {
            struct Failure: Error {}
            var tensors: TensorDictionary
            var names: [String] { tensors.names }
            func shape(of name: String) -> [Int]? { tensors.shape(of: name) }
            func withValues<Result>(
                of name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result
            ) throws -> Result {
                if name == "generator.head.bias" { throw Failure() }
                return try tensors.withValues(of: name, body)
            }
        }
        #expect(throws: Failing.Failure.self) { try export.write(Failing(tensors: engine), to: folder("out")) }
        #expect(folder.names().isEmpty)
        let broken = changed { $0.tensors["generator.head.bias"]?.values[5] = .nan }
        #expect(
            failure { try export.write(broken, to: folder("out")) } == .nonFinite("generator.head.bias", index: 5))
        #expect(folder.names().isEmpty)
        try export.write(engine, to: folder("out"))
        #expect(throws: Failing.Failure.self) {
            try export.write(Failing(tensors: engine), to: folder("out"), force: true)
        }
        #expect(folder.names() == ["out"])
        #expect(
            try SafetensorsFile(path: folder("out/generator/model.safetensors")).floats(of: "generator_lm_head.bias")
                == engine.values(of: "generator.head.bias"))
    }

    @Test func modelsThatTheseClassesLackAreRefused() throws {
        let one = TensorDictionary.Tensor(shape: [4], values: [1, 1, 1, 1])
        #expect(
            failure { try export.check(changed { $0.tensors["discriminator.final_norm.gain"] = one }) }
                == .notPostNormalized(parameter: "discriminator.final_norm.gain"))
        #expect(
            failure { try export.check(changed { $0.tensors["embeddings.position"] = nil }) } == .noLearnedPositions)
        #expect(
            failure { try export.check(changed { $0.tensors["discriminator.relative_position_bias"] = one }) }
                == .unexpectedParameter("discriminator.relative_position_bias"))
        #expect(
            failure { try export.check(changed { $0.tensors["generator.head.dense.bias"] = nil }) }
                == .missingParameter("generator.head.dense.bias"))
        #expect(
            failure { try export.check(changed { $0.tensors["generator.layers.1.attention.key.bias"] = one }) }
                == .wrongShape("generator.layers.1.attention.key.bias", expected: [6], found: [4]))
        var other = export
        other.shape.networks.generator?.headCount = 4
        guard case .invalidShape = failure({ try other.check(engine) }) else { return }
        other = export
        other.multipliers.generator.output = 0
        #expect(
            failure { try other.check(engine) }
                == .invalidMultipliers(.generator, ExportMultipliers(output: 0)))
    }

    @Test func tokenizersThatDoNotFitAreRefused() throws {
        func write(_ tokenizer: String, _ names: SpecialTokenNames = SpecialTokenNames()) -> ExportError? {
            var export = export
            export.tokenizer = Data(tokenizer.utf8)
            export.specialTokens = names
            return failure { try export.write(engine, to: folder("out")) }
        }
        for text in [
            "", "[]", "{}", #"{"model":{}}"#, #"{"model":{"vocab":[]}}"#, #"{"model":{"vocab":{"a":"b"}}}"#,
            #"{"model":{"vocab":{}},"added_tokens":[{"id":1}]}"#,
        ] {
            guard case .malformedTokenizer = write(text) else {
                Issue.record("not refused: \(text)")
                continue
            }
        }
        let original = String(decoding: export.tokenizer, as: UTF8.self)
        #expect(
            write(original, SpecialTokenNames(padding: "<pad>", mask: "the"))
                == .missingSpecialTokens(["<pad>", "the"]))
        let large = original.replacingOccurrences(of: "\"[UNK]\":1,", with: "\"[UNK]\":1,\"zz\":280,")
        #expect(large != original)
        #expect(write(large) == .tokenizerTooLarge(largestID: 280, vocabularySize: 280))
        #expect(folder.names().isEmpty)
    }
}
