import Configuration
import Encoder
import Engine
import FineTuning
import Foundation
import Interchange
import Kernels
import Optimization
import Pretraining
import TestSupport
import Testing
import Tokenization

/// Exported classifiers against what transformers computes with them: `Tools/make_classifier_fixtures.py`.
@Suite("Fine-tuning: export") final class ClassifierExportTests {
    struct Fixtures: Decodable {
        let code: String
        let sequences: [[Int32]]
        let cases: [Case]
    }

    struct Case: Decodable, CustomTestStringConvertible {
        let name: String
        let settings: [String]
        let kind: String
        let pooling: String
        let architecture: String
        let logits: [[Double]]

        var testDescription: String { name }
        var readsTokens: Bool { kind == "tokens" || kind == "span" }

        /// As the fixtures' texts have them.
        var labels: [String] {
            switch kind {
            case "classes": ["fair", "foul", "so-so"]
            case "tokens": ["B-A", "B-B", "B-C", "O"]
            default: []
            }
        }
    }

    private static func data() throws -> Data {
        let url = try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/classifiers.json")
        return try Data(contentsOf: url)
    }

    static let fixtures = Result { try JSONDecoder().decode(Fixtures.self, from: data()) }
    static var cases: [Case] { (try? fixtures.get().cases) ?? [] }

    private static let pair: (tokens: [Int32], start: Int) = ([2, 17, 250, 3, 31, 42, 8, 3], 4)
    private let folder: TemporaryFolder
    private let tokenizer: Tokenizer
    private let pool = ThreadPool(threadCount: 2)

    deinit { pool.shutDown() }

    init() throws {
        folder = try TemporaryFolder()
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        tokenizer = try Tokenizer(
            json: Array(Data(contentsOf: tests.appendingPathComponent("InterchangeTests/Fixtures/tokenizer.json"))))
    }

    private func configuration(_ test: Case) throws -> RunConfiguration {
        var configuration = try Preset.defaults(named: "electra-small", origin: "")
        try ConfigurationReader.read(yaml: "", origin: "", overrides: test.settings, into: &configuration)
        return configuration
    }

    private func engine(_ test: Case) throws -> TaskEngine {
        let configuration = try configuration(test)
        let model = TaskModel(
            model: configuration.model, parametrization: configuration.parametrization,
            vocabularySize: tokenizer.vocabularySize, longestText: 24, chunkTokens: 64,
            outputCount: ["number": 1, "choice": 1, "span": 2, "tokens": 4][test.kind] ?? 3,
            pooling: try #require(TaskPooling(rawValue: test.pooling)), readsTokens: test.readsTokens)
        let engine = TaskEngine(
            model, optimizer: OptimizerConfiguration(), parametrization: configuration.parametrization, layerDecay: 1,
            headFactor: 1, steps: 1, seed: 0, pool: pool)
        engine.initialize()
        return engine
    }

    private func classifier(_ test: Case, _ engine: TaskEngine) throws -> Classifier {
        var parameters = TensorDictionary()
        for spec in engine.model.layout.specs {
            let values = UnsafeBufferPointer(start: engine.weights.base + spec.offset, count: spec.count)
            parameters.tensors[spec.name] = .init(shape: spec.shape, values: Array(values))
        }
        return Classifier(
            configuration: try configuration(test).engine, parameters: parameters, tokenizer: tokenizer,
            labels: test.labels,
            head: try #require(ClassifierHead(rawValue: test.kind)),
            pooling: try #require(Classifier.Pooling(rawValue: test.pooling)), maximumLength: 24)
    }

    @Test func theFixturesAreOfThisCode() throws {
        let fixtures = try Self.fixtures.get()
        #expect(Set(fixtures.cases.map(\.architecture)).count == 8 && fixtures.cases.count >= 13)
        // FNV-1a.
        let digest = CustomCodeExport.code.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01B3
        }
        #expect(UInt64(fixtures.code, radix: 16) == digest, "run Tools/make_classifier_fixtures.py again")
    }

    @Test("The engine computes what transformers computes with the exported tensors", arguments: cases)
    func logits(_ test: Case) throws {
        let engine = try engine(test)
        let classifier = try classifier(test, engine)
        let isElectra = test.architecture.hasPrefix("Electra")
        let tensors = (isElectra ? classifier.electraTensors : classifier.customCodeTensors).sorted {
            $0.huggingFaceName < $1.huggingFaceName
        }
        // As `weight` in the scripts has it; ELECTRA's queries have the engine's multiplier of scores in them.
        let head = Double(classifier.configuration.model.discriminatorShape.headSize)
        let factor =
            NetworkKind.discriminator.attentionScale(
                classifier.configuration.model, classifier.configuration.parametrization) * head.squareRoot()
        for (place, tensor) in tensors.enumerated() {
            guard let spec = engine.model.layout[tensor.engineName] else {
                #expect(!classifier.configuration.model.biases && tensor.engineName.hasSuffix("bias"))
                continue
            }
            let isGain = tensor.huggingFaceName.hasSuffix("norm.weight")
            for index in 0..<spec.count {
                let value = 0.4 * sin(1 + 0.7 * Double(place) + 2.4 * Double(index))
                engine.weights.base[spec.offset + index] =
                    Float((isGain ? 1 + value : value) / (tensor.multiplier == .attention ? factor : 1))
            }
        }
        let sequences = try Self.fixtures.get().sequences
        let examples =
            sequences.map { TaskExample(tokens: $0, places: test.readsTokens ? Array($0.indices) : nil) } + [
                TaskExample(
                    tokens: Self.pair.tokens, pairStart: Self.pair.start,
                    places: test.readsTokens ? Array(Self.pair.tokens.indices) : nil)
            ]
        let found = try engine.predict(examples).map { $0.outputs.map { Double($0) } }
        #expect(found.count == test.logits.count)
        for (row, expected) in zip(found, test.logits) { #expect(relativeError(row, expected) < 2e-5) }
    }

    @Test("config.json is that of the fixtures, and the tensors are the engine's", arguments: cases)
    func files(_ test: Case) throws {
        let classifier = try classifier(test, engine(test))
        let architecture = try ClassifierExport.write(classifier, to: folder("out"), force: false)
        #expect(architecture == test.architecture)
        let whole = try JSONSerialization.jsonObject(with: Self.data()) as? [String: Any]
        let fixture = try #require((whole?["cases"] as? [[String: Any]])?.first { $0["name"] as? String == test.name })
        let written = try JSONSerialization.jsonObject(with: folder.data("out/config.json"))
        #expect(written as? NSDictionary == fixture["config"] as? NSDictionary)
        let isElectra = architecture.hasPrefix("Electra")
        #expect(folder.exists("out/modeling_pretrain.py") == !isElectra)
        let file = try SafetensorsFile(path: folder("out/model.safetensors"))
        let tensors = isElectra ? classifier.electraTensors : classifier.customCodeTensors
        #expect(Set(file.names) == Set(tensors.map(\.huggingFaceName)) && file.names.count == tensors.count)
        for tensor in tensors where tensor.multiplier == nil {
            let values = try file.floats(of: tensor.huggingFaceName)
            if let own = classifier.parameters.tensors[tensor.engineName] {
                #expect(values == own.values, "\(tensor.huggingFaceName)")
            } else {
                #expect(values.allSatisfy { $0 == 0 }, "\(tensor.huggingFaceName)")
            }
        }
        // An earlier export is replaced only if it shall be, and nothing else ever.
        #expect(throws: ExportError.self) {
            _ = try ClassifierExport.write(classifier, to: folder("out"), force: false)
        }
        try ClassifierExport.write(classifier, to: folder("out"), force: true)
        try folder.write("mine", to: "out/thesis.txt")
        #expect(throws: ExportError.self) { _ = try ClassifierExport.write(classifier, to: folder("out"), force: true) }
    }

    @Test("A form that has no place for the model says what it lacks")
    func forms() throws {
        func problem(_ name: String, _ form: HuggingFaceExport.Form) throws -> String {
            let test = try #require(Self.cases.first { $0.name == name })
            let classifier = try classifier(test, engine(test))
            let error = #expect(throws: ExportError.self) {
                _ = try ClassifierExport.write(classifier, to: folder(UUID().uuidString), form: form, force: false)
            }
            return error.map { "\($0)" } ?? ""
        }
        #expect(try problem("ELECTRA, mean", .electra).contains("training.pooling: mean"))
        #expect(try problem("Pre-LN, rotary, no biases, GEGLU, muP", .electra).contains("feed_forward"))
        #expect(try problem("DeBERTa, a number, mean", .deberta).contains("DeBERTa-v2"))
        let test = try #require(Self.cases.first { $0.name == "ELECTRA, a number" })
        #expect(
            try ClassifierExport.write(
                classifier(test, engine(test)), to: folder("code"), form: .customCode, force: false)
                == "PretrainForSequenceClassification")
    }
}
