import Configuration
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

/// Models of many shapes against what transformers computes with the code that they are exported with, in double precision:
/// `Tools/make_custom_code_fixtures.py`.
@Suite final class CustomCodeTests {
    struct Fixtures: Decodable {
        let code: String
        let sequences: [[Int32]]
        let cases: [Case]
    }

    struct Case: Decodable, CustomTestStringConvertible {
        let name: String
        let settings: [String]
        let networks: [String: Outputs]

        var testDescription: String { name }
    }

    struct Outputs: Decodable {
        let hidden: [Double]
        let logits: [Double]
    }

    static let fixtures = Result { try JSONDecoder().decode(Fixtures.self, from: Fixture.data("custom-code.json")) }
    static var cases: [Case] { (try? fixtures.get().cases) ?? [] }

    private let folder: TemporaryFolder
    private let tokenizer: Tokenizer
    private let pool = ThreadPool(threadCount: 1)

    deinit { pool.shutDown() }

    init() throws {
        folder = try TemporaryFolder()
        tokenizer = try Tokenizer(json: Array(Fixture.data("tokenizer.json")))
    }

    private func engine(_ settings: [String]) throws -> TrainingEngine {
        var configuration = try Preset.defaults(named: "electra-small", origin: "")
        try ConfigurationReader.read(yaml: "", origin: "", overrides: settings, into: &configuration)
        let engine = try TrainingEngine(
            configuration.engine, vocabularySize: tokenizer.vocabularySize, special: tokenizer.specialTokens, pool: pool
        )
        engine.initialize()
        return engine
    }

    @Test func theFixturesAreOfThisCode() throws {
        let fixtures = try Self.fixtures.get()
        #expect(fixtures.cases.count > 10)
        // FNV-1a.
        let digest = CustomCodeExport.code.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01B3
        }
        let text = String(digest, radix: 16)
        let padded = String(repeating: "0", count: 16 - text.count) + text
        #expect(padded == fixtures.code, "run Tools/make_custom_code_fixtures.py again")
    }

    @Test("The engine computes what the code computes", arguments: cases)
    func outputs(_ test: Case) throws {
        let engine = try engine(test.settings)
        let sequences = try Self.fixtures.get().sequences
        for network in [NetworkKind.discriminator, .generator] {
            let expected = try #require(test.networks[network.rawValue])
            fill(engine, network)
            let (hidden, logits) = outputs(of: network, engine, sequences)
            #expect(relativeError(hidden, expected.hidden) < 1e-5, "\(network)")
            // Products round differently from processor to processor, and logits are sums of many.
            #expect(relativeError(logits, expected.logits) < 2e-5, "\(network)")
        }
    }

    @Test("config.json is that of the fixtures, and the tensors are those that were filled", arguments: cases)
    func files(_ test: Case) throws {
        let engine = try engine(test.settings)
        try HuggingFaceExport.write(
            engine, tokenizer: tokenizer, to: folder("out"), form: .customCode, force: false)
        let whole = try JSONSerialization.jsonObject(with: Fixture.data("custom-code.json")) as? [String: Any]
        let cases = try #require(whole?["cases"] as? [[String: Any]])
        let fixture = try #require(cases.first { $0["name"] as? String == test.name })
        for network in [NetworkKind.discriminator, .generator] {
            let written = try JSONSerialization.jsonObject(with: folder.data("out/\(network)/config.json"))
            let outputs = try #require((fixture["networks"] as? [String: [String: Any]])?[network.rawValue])
            #expect(written as? NSDictionary == outputs["config"] as? NSDictionary)
            #expect(try folder.data("out/\(network)/modeling_pretrain.py") == CustomCodeExport.code)
            let file = try SafetensorsFile(path: folder("out/\(network)/model.safetensors"))
            let tensors = NetworkParameters(network, of: engine).tensors
            #expect(Set(file.names) == Set(tensors.map(\.name)) && file.names.count == tensors.count)
            for tensor in tensors {
                let weights = engine.state.weights.base + tensor.offset
                let expected = Array(UnsafeBufferPointer(start: weights, count: tensor.shape.reduce(1, *)))
                #expect(file.shape(of: tensor.name) == tensor.shape, "\(tensor.name)")
                #expect(try file.floats(of: tensor.name) == expected, "\(tensor.name)")
            }
        }
    }

    @Test func theFormIsElectrasWherePossible() throws {
        func form(_ settings: [String], _ change: (TrainingEngine) throws -> Void = { _ in }) throws -> String? {
            let name = UUID().uuidString
            let engine = try engine(Self.cases[0].settings + settings)
            try change(engine)
            return try HuggingFaceExport.write(engine, tokenizer: tokenizer, to: folder(name), force: false)
                .first?.architecture
        }
        #expect(try form([]) == "ElectraForPreTraining")
        #expect(
            try form(["model.normalization.placement=mix", "model.normalization.alpha=1"]) == "ElectraForPreTraining")
        let others = [
            "model.normalization.placement=mix", "model.normalization.placement=pre",
            "model.normalization.kind=rms_norm",
            "model.positions=rotary", "model.feed_forward=geglu", "model.relative_bias.sharing=shared",
            "model.attention.pattern=window",
        ]
        for setting in others { #expect(try form([setting]) == "PretrainForReplacedTokenDetection", "\(setting)") }
        let masked = ["model.positions=rotary", "objective.name=masked_language_model", "model.embedding_size=32"]
        #expect(try form(masked) == "PretrainModel")
        // With its head, once that has learned something.
        let trained = try form(masked) { engine in
            let bias = try #require(engine.state.layout["discriminator.language_head.bias"])
            engine.state.weights.base[bias.offset + 7] = 0.5
            engine.weightsChanged()
        }
        #expect(trained == "PretrainForMaskedLM")
        #expect(throws: ExportError.randomBlocks) {
            try form(["model.attention.pattern=big_bird", "model.attention.block_size=16"])
        }
    }

    /// As `weight` in the script has it.
    private func fill(_ engine: TrainingEngine, _ network: NetworkKind) {
        let tensors = NetworkParameters(network, of: engine).tensors.sorted { $0.name < $1.name }
        for (place, tensor) in tensors.enumerated() {
            let isGain = tensor.name.hasSuffix("norm.weight")
            for index in 0..<tensor.shape.reduce(1, *) {
                let value = 0.4 * sin(1 + 0.7 * Double(place) + 2.4 * Double(index))
                engine.state.weights.base[tensor.offset + index] = Float(isGain ? 1 + value : value)
            }
        }
    }

    /// Every fifth element of the hidden states; logits of all tokens, or some of the generator's.
    private func outputs(
        of network: NetworkKind, _ engine: TrainingEngine, _ sequences: [[Int32]]
    ) -> (hidden: [Double], logits: [Double]) {
        let objective = engine.objective
        let arena = FloatBuffer(count: objective.model.activationCount)
        var (hidden, logits): ([Double], [Double]) = ([], [])
        for tokens in sequences {
            let pass = LanePass(
                weights: engine.state.weights.base, gradients: nil, arena: arena.base, dropout: nil,
                chunk: ChunkGeometry(firstRow: 0, tokenCount: tokens.count, segmentOffsets: [0, tokens.count]))
            let states = objective.hiddenStates(of: network, tokens, pass)
            let width = states.count / tokens.count
            hidden += states.indices.filter { $0 % width % 5 == 0 }.map { Double(states[$0]) }
            if network == .discriminator {
                logits += objective.detect(tokens, pass).map { Double($0) }
            } else {
                let rows = stride(from: 0, to: tokens.count, by: 6).map { Int32($0) }
                let all = objective.generatorLogits(tokens, rows: rows, pass)
                logits += all.indices.filter { $0 % tokenizer.vocabularySize % 19 == 0 }.map { Double(all[$0]) }
            }
        }
        return (hidden, logits)
    }
}
