import Checkpoints
import Encoder
import Engine
import Foundation
import Interchange
import Kernels
import Objectives
import Pretraining
import TestModels
import TestSupport
import Testing
import Tokenization

/// What was exported and imported is exported again as the same bytes.
@Suite final class ImportExportTests {
    private let folder: TemporaryFolder
    private let tokenizer: Tokenizer
    private let pool = ThreadPool(threadCount: 1)

    deinit { pool.shutDown() }

    init() throws {
        folder = try TemporaryFolder()
        tokenizer = try Tokenizer(json: Array(Fixture.data("tokenizer.json")))
    }

    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var form = HuggingFaceExport.Form.electra
        var type = ElementType.float32
        var trainsTokenTypes = true
        /// Of the first network's folder.
        var architecture: String?
        var change: @Sendable (inout RunConfiguration) -> Void = { _ in }
    }

    static let cases = [
        Case(testDescription: "ELECTRA"),
        Case(testDescription: "token types that nothing has trained", trainsTokenTypes: false),
        Case(testDescription: "bfloat16", type: .bfloat16),
        Case(testDescription: "float16", type: .float16),
        Case(testDescription: "a discriminator alone") { $0.objective.replacements = .random },
        Case(testDescription: "a masked language model", architecture: "ElectraForMaskedLM") {
            $0.objective.name = .maskedLanguageModel
        },
        Case(
            testDescription: "a masked language model, muP, in bfloat16", type: .bfloat16,
            architecture: "ElectraForMaskedLM"
        ) {
            $0.objective.name = .maskedLanguageModel
            $0.model.embeddingSize = 32
            $0.parametrization.baseHiddenSize = 16
            $0.parametrization.outputMultiplier = 0.7
            $0.model.biases = false
        },
        Case(testDescription: "two networks that predict tokens", architecture: "ElectraForMaskedLM") {
            $0.objective.name = .replaceMLM
        },
        Case(testDescription: "an encoder whose predictions are behind a gate", architecture: "ElectraModel") {
            $0.objective.name = .allTokensMLM
        },
        Case(testDescription: "METRO, an encoder and a generator", architecture: "ElectraModel") {
            $0.objective.name = .metro
            $0.model.detectionHead = .linear
            $0.model.embeddingSize = 32
            $0.model.embeddingSharing = .tokenOnly
            $0.model.generator.dropout = 0
        },
        Case(testDescription: "tables of their own, an untied output") {
            $0.model.embeddingSharing = .disentangled
            $0.model.generator.tiedOutput = false
            $0.model.normalization.epsilon = 1e-5
            $0.model.dropout = 0.2
            $0.model.initialization.standardDeviation = 0.03
        },
        Case(testDescription: "muP, folded") {
            $0.parametrization.baseHiddenSize = 16
            $0.parametrization.attentionMultiplier = 1.3
            $0.parametrization.outputMultiplier = 0.7
        },
        Case(testDescription: "without biases") { $0.model.biases = false },
        Case(testDescription: "DeBERTa", form: .deberta) {
            $0.model.attention.disentangled = true
            $0.model.attention.positionBuckets = 6
            $0.model.attention.maximumRelativeDistance = 12
            $0.model.positions = .none
            $0.model.embeddingSize = 32
            $0.model.generator.widthMultiplier = 1
        },
        Case(
            testDescription: "DeBERTa, a masked language model", form: .deberta, architecture: "DebertaV2ForMaskedLM"
        ) {
            $0.objective.name = .maskedLanguageModel
            $0.model.attention.disentangled = true
            $0.model.attention.positionBuckets = 6
            $0.model.attention.maximumRelativeDistance = 12
            $0.model.positions = .none
            $0.model.embeddingSize = 32
        },
        Case(testDescription: "code: Pre-LN, rotary", form: .customCode) {
            $0.model.normalization.placement = .pre
            $0.model.positions = .rotary
            $0.model.rotaryBase = 500
        },
        Case(testDescription: "code: Mix-LN, GEGLU, no biases, in bfloat16", form: .customCode, type: .bfloat16) {
            $0.model.normalization.placement = .mix
            $0.model.normalization.alpha = 0.5
            $0.model.feedForward = .geglu
            $0.model.biases = false
            $0.model.detectionHead = .withClassification
        },
        Case(testDescription: "code: Peri-LN, RMSNorm, relative bias, untied output", form: .customCode) {
            $0.model.normalization.placement = .peri
            $0.model.normalization.kind = .rmsNorm
            $0.model.positions = .none
            $0.model.relativeBias.sharing = .perLayer
            $0.model.relativeBias.bins = 12
            $0.model.relativeBias.maximumDistance = 11
            $0.model.generator.tiedOutput = false
        },
        Case(testDescription: "code: scaled norms, windows with projections of their own", form: .customCode) {
            $0.model.normalization.placement = .scaled
            $0.model.attention.pattern = .window
            $0.model.attention.windows = [4, 6]
            $0.model.attention.dilations = [1, 2]
            $0.model.attention.globalTokens = .documents
            $0.model.attention.globalProjections = .own
        },
        Case(
            testDescription: "code: alternating windows, a masked language model", form: .customCode,
            architecture: "PretrainForMaskedLM"
        ) {
            $0.objective.name = .maskedLanguageModel
            $0.model.positions = .rotary
            $0.model.normalization.placement = .pre
            $0.model.normalization.beforeFirstAttention = false
            $0.model.attention.pattern = .alternating
            $0.model.attention.window = 6
            $0.model.attention.fullEvery = 2
            $0.model.attention.localRotaryBase = 100
        },
        Case(testDescription: "code: alternating windows, a generator of one layer without any", form: .customCode) {
            $0.model.positions = .rotary
            $0.model.attention.pattern = .alternating
            $0.model.attention.window = 6
            $0.model.attention.fullEvery = 3
            $0.model.attention.localRotaryBase = 100
            $0.model.generator.layerCount = 1
        },
        Case(testDescription: "code: disentangled attention and a mask decoder", form: .customCode) {
            $0.model.attention.disentangled = true
            $0.model.attention.positionBuckets = 6
            $0.model.attention.maximumRelativeDistance = 12
            $0.model.positions = .none
            $0.model.generator.maskDecoder = true
        },
    ]

    @Test("Export, import and export again", arguments: cases) func again(_ test: Case) throws {
        let original = try ExportedModel.engine(tokenizer, pool) {
            $0.model.layerCount = 4
            $0.model.intermediateSize = 32
            test.change(&$0)
        }
        var random = SplitMix64(seed: 8)
        for spec in original.state.layout.specs {
            for index in 0..<spec.count {
                original.state.weights.base[spec.offset + index] += Float.random(in: -0.3...0.3, using: &random)
            }
        }
        original.weightsChanged()
        var settings = ExportSettings(trainsTokenTypes: test.trainsTokenTypes, elementType: test.type)
        settings.history.license = "apache-2.0"
        settings.history.metrics = [("loss", "1")]
        let written = try HuggingFaceExport.write(
            original, tokenizer: tokenizer, to: folder("first"), form: test.form, settings)
        if let architecture = test.architecture { #expect(written.first?.architecture == architecture) }

        // As `pretrain import` and `pretrain export` do it, through a checkpoint.
        let imported = try ImportedWeights(folder("first"))
        #expect(imported.trainsTokenTypes == test.trainsTokenTypes)
        let path = try imported.write(to: folder("run"))
        let reader = try CheckpointReader(path: path)
        try reader.verify()
        let model = try LoadedModel(path: folder("run"), threads: 1)
        defer { model.engine.pool.shutDown() }
        var again = ExportSettings(
            trainsTokenTypes: try TrainingCheckpoint.state(reader).trainsTokenTypes == true, elementType: test.type)
        again.cards = try ImportedWeights.cards(of: reader)
        try HuggingFaceExport.write(
            model.engine, tokenizer: model.tokenizer, to: folder("second"), form: test.form, again)

        let networks = folder.names("first")
        #expect(folder.names("second") == networks && networks.contains("discriminator"))
        for network in networks {
            let files = folder.names("first/\(network)")
            #expect(folder.names("second/\(network)") == files && files.count >= 6)
            for file in files {
                #expect(
                    try folder.data("second/\(network)/\(file)") == folder.data("first/\(network)/\(file)"),
                    "\(network)/\(file)")
            }
        }
    }

    /// The head that a main encoder predicts tokens with is in the folder, number by number, and comes back from there.
    @Test(
        arguments: [HuggingFaceExport.Form.electra, .deberta, .customCode],
        [ObjectiveName.maskedLanguageModel, .replaceMLM])
    func theLanguageHeadOfTheMainEncoderComesBack(
        _ form: HuggingFaceExport.Form, _ objective: ObjectiveName
    ) throws {
        let original = try ExportedModel.engine(tokenizer, pool) {
            $0.objective.name = objective
            $0.model.embeddingSize = 32
            $0.model.generator.widthMultiplier = 1
            if form == .deberta {
                $0.model.attention.disentangled = true
                $0.model.positions = .none
            }
        }
        var random = SplitMix64(seed: 9)
        for spec in original.state.layout.specs {
            for index in 0..<spec.count {
                original.state.weights.base[spec.offset + index] += Float.random(in: -0.3...0.3, using: &random)
            }
        }
        original.weightsChanged()
        let folders = try HuggingFaceExport.write(
            original, tokenizer: tokenizer, to: folder("out"), form: form, force: false)
        #expect(folders.allSatisfy { $0.architecture.hasSuffix("ForMaskedLM") && $0.leftOut == nil })
        #expect(folders.count == (objective == .replaceMLM ? 2 : 1))
        let card = try folder.text("out/discriminator/README.md")
        #expect(card.contains("pipeline_tag: fill-mask") && card.contains("AutoModelForMaskedLM"))

        func values(_ name: String) throws -> [Float] {
            let spec = try #require(original.state.layout[name], "\(name)")
            return (0..<spec.count).map { original.state.weights.base[spec.offset + $0] }
        }
        let names: [HuggingFaceExport.Form: (dense: String, bias: String)] = [
            .electra: ("generator_predictions.dense.weight", "generator_lm_head.bias"),
            .deberta: ("cls.predictions.transform.dense.weight", "cls.predictions.bias"),
            .customCode: ("head.dense.weight", "head.bias"),
        ]
        let own = try #require(names[form])
        let file = try SafetensorsFile(path: folder("out/discriminator/model.safetensors"))
        #expect(try file.floats(of: own.dense) == values("discriminator.language_head.dense.weight"))
        #expect(try file.floats(of: own.bias) == values("discriminator.language_head.bias"))

        let imported = try ImportedWeights(folder("out"))
        #expect(imported.configuration.objective.name == objective)
        #expect(imported.report.made.isEmpty && imported.report.left.isEmpty)
        for spec in imported.layout.specs {
            let found = (0..<spec.count).map { imported.weights.base[spec.offset + $0] }
            #expect(try found == values(spec.name), "\(spec.name)")
        }
    }

    /// A head that was drawn because the folder has none is not passed off as one that has learned something.
    @Test func aHeadThatNothingHasTrainedIsNotExported() throws {
        let encoder = try ExportedModel.engine(tokenizer, pool) { $0.objective.name = .maskedLanguageModel }
        let folders = try HuggingFaceExport.write(encoder, tokenizer: tokenizer, to: folder("out"), force: false)
        #expect(folders == [HuggingFaceExport.Folder(name: "discriminator", architecture: "ElectraModel")])
        let imported = try ImportedWeights(folder("out"))
        #expect(imported.report.made.count == 5)
        #expect(imported.report.made.allSatisfy { $0.name.hasPrefix("discriminator.language_head.") })
    }

    @Test func whatWasTrainedSinceHasACardOfItsOwn() throws {
        let imported = try ImportedWeights(Fixture.path("import/bert"))
        let path = try imported.write(to: folder("run"))
        // A card of somebody else's tells of another class than what is exported here.
        #expect(try ImportedWeights.cards(of: CheckpointReader(path: path)).isEmpty)
        let history = try ModelHistory(of: CheckpointReader(path: path))
        #expect(history.startedFrom?.contains("BertForPreTraining \"bert\" (pytorch_model.bin of SHA-256 ") ?? false)
        #expect(history.sources.isEmpty && history.recipe.isEmpty)
    }

    @Test func aFolderWithARunIsLeftAlone() throws {
        let imported = try ImportedWeights(Fixture.path("import/bert"))
        try imported.write(to: folder("run"))
        #expect(throws: ImportError.self) { try imported.write(to: folder("run")) }
    }

    /// Half the bytes, and every number the nearest that there is.
    @Test(arguments: [ElementType.bfloat16, .float16]) func numbersAreRoundedToNearest(_ type: ElementType) throws {
        var values: [Float] = [
            0, -0.0, 1, -1, 0.1, 1.0 / 3, 65504, 1e-4, 6e-8, 2.9e-8, 3.1e-8, 1e-40, 1.00390625, 1.01171875,
        ]
        values += [65519.9921875, -1234.5678, Float(1).nextUp, 0.999_999_94, 2049, 2051]
        var random = SplitMix64(seed: 2)
        for _ in 0..<2000 {
            values.append(Float.random(in: -1...1, using: &random) * pow(2, Float.random(in: -26...15, using: &random)))
        }
        let writer = try SafetensorsWriter(path: folder("numbers"), tensors: [("x", type, [values.count])])
        try values.withUnsafeBufferPointer { try writer.append(rounding: $0) }
        try writer.finish()
        let file = try SafetensorsFile(path: folder("numbers"))
        let found = try file.floats(of: "x")
        let bits = try file.bytes(of: "x")
        for (index, value) in values.enumerated() {
            let pattern = UInt16(bits[2 * index]) | UInt16(bits[2 * index + 1]) << 8
            // Neighbours are not nearer, and of two that are as near it is the even one.
            let distance = abs(Double(found[index]) - Double(value))
            for neighbour in [pattern &- 1, pattern &+ 1]
            where neighbour & 0x7FFF < (type == .float16 ? 0x7C00 : 0x7F80) {
                let other = try Self.value(neighbour, type, in: folder)
                if other.sign != found[index].sign { continue }
                let otherDistance = abs(Double(other) - Double(value))
                #expect(distance < otherDistance || distance == otherDistance && pattern & 1 == 0, "\(value)")
            }
        }
        for beyond: Float in type == .float16 ? [65520, -1e6] : [Float.greatestFiniteMagnitude] {
            let writer = try SafetensorsWriter(path: folder("beyond"), tensors: [("x", type, [1])])
            let error = #expect(throws: SafetensorsError.self) {
                try [beyond].withUnsafeBufferPointer { try writer.append(rounding: $0) }
            }
            #expect(error?.problem == .valueOutOfRange(tensor: "x", index: 0, wanted: type.rawValue))
        }
    }

    private static func value(_ bits: UInt16, _ type: ElementType, in folder: TemporaryFolder) throws -> Float {
        if type == .bfloat16 { return Float(bitPattern: UInt32(bits) << 16) }
        let sign: Float = bits & 0x8000 == 0 ? 1 : -1
        let exponent = Int(bits >> 10 & 31)
        let fraction = Float(bits & 1023)
        return sign * (exponent == 0 ? fraction * pow(2, -24) : (fraction + 1024) * pow(2, Float(exponent - 25)))
    }
}
