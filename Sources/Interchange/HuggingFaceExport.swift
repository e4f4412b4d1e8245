import Encoder
import Engine
import Foundation
import Objectives
import Parametrization
import Tokenization

/// Exports a training engine's weights for Hugging Face Transformers.
public enum HuggingFaceExport {
    public enum Form: String, Sendable, CaseIterable {
        /// ELECTRA's where the model has it, otherwise with code.
        case automatic
        /// Hugging Face's ELECTRA classes. A main encoder that predicts tokens and does not detect is an ElectraForMaskedLM; one
        /// whose head has no place in these classes is exported as the encoder alone: fine-tuning needs no more.
        case electra
        /// Hugging Face's DeBERTa-v2 classes, for disentangled attention: the main encoder, with its head if that predicts
        /// tokens, and the generator unless it has a mask decoder.
        case deberta
        /// Folders that bring the code of their classes along, for `trust_remote_code=True`.
        case customCode = "custom-code"
    }

    /// A folder in the destination and the Hugging Face class that its `config.json` names.
    public struct Folder: Sendable, Equatable, Encodable {
        public var name: String
        public var architecture: String
        /// Parameters of the checkpoint that the class has no place for; nil: none.
        public var leftOut: [String]?

        public init(name: String, architecture: String, leftOut: [String] = []) {
            self.name = name
            self.architecture = architecture
            self.leftOut = leftOut.isEmpty ? nil : leftOut
        }
    }

    /// - Returns: the folders in the destination: the discriminator's, and the generator's if there is one.
    /// - Throws: `ExportError` for a model that has no such form, and what writing throws.
    @discardableResult
    public static func write(
        _ engine: TrainingEngine, tokenizer: Tokenizer, to destination: String, form: Form = .automatic,
        _ settings: ExportSettings
    ) throws -> [Folder] {
        switch form {
        case .automatic where !isElectra(engine.configuration.model), .customCode:
            try CustomCodeExport.write(engine, tokenizer: tokenizer, to: destination, settings)
        case .deberta: try DebertaExport.write(engine, tokenizer: tokenizer, to: destination, settings)
        case .automatic, .electra: try writeElectra(engine, tokenizer: tokenizer, to: destination, settings)
        }
    }

    /// The same with settings of its own for what differs most.
    @discardableResult
    public static func write(
        _ engine: TrainingEngine, tokenizer: Tokenizer, to destination: String, form: Form = .automatic, force: Bool,
        trainsTokenTypes: Bool = true
    ) throws -> [Folder] {
        try write(
            engine, tokenizer: tokenizer, to: destination, form: form,
            ExportSettings(force: force, trainsTokenTypes: trainsTokenTypes))
    }

    /// What a folder that an export has written holds.
    static let entries = Set(NetworkKind.allCases.map(\.rawValue))

    static func isElectra(_ model: ModelConfiguration) -> Bool {
        let depths = [model.discriminatorShape.layerCount, model.generatorShape.layerCount]
        let isPost = depths.allSatisfy { depth in
            (0..<depth).allSatisfy { model.normalization.form(layer: $0, of: depth) == .post }
        }
        return isPost && model.positions == .learned && obstacle(model) == nil
    }

    private static func writeElectra(
        _ engine: TrainingEngine, tokenizer: Tokenizer, to destination: String, _ settings: ExportSettings
    ) throws -> [Folder] {
        let configuration = engine.configuration
        let model = configuration.model
        if let obstacle = obstacle(model) { throw obstacle }
        func sizes(_ shape: NetworkShape) -> ElectraShape.Network {
            ElectraShape.Network(
                hiddenSize: shape.hiddenSize, feedForwardSize: shape.intermediateSize, headCount: shape.headCount,
                layerCount: shape.layerCount)
        }
        var export = ElectraExport(
            shape: ElectraShape(
                vocabularySize: tokenizer.vocabularySize, embeddingSize: model.embeddingSize,
                positionCount: model.maximumPositions, outputIsTied: model.generator.tiedOutput,
                hasDetectionHead: configuration.objective.name.detects && model.detectionHead == .dense,
                hasLanguageHead: engine.exportsLanguageHead,
                embeddingPrefixes: embeddingPrefixes(configuration),
                discriminator: sizes(model.discriminatorShape),
                generator: configuration.objective.hasGenerator ? sizes(model.generatorShape) : nil),
            tokenizer: Data(try tokenizer.serialized(wrapping: engine.special)),
            specialTokens: names(tokenizer, engine.special),
            multipliers: multipliers(engine),
            settings: PerNetwork(
                discriminator: Self.settings(model.of(.discriminator)), generator: Self.settings(model.of(.generator))),
            export: settings)
        let shape = export.shape
        let tensors = EngineTensors(
            engine, ElectraNetwork.allCases.flatMap { shape.tensors(of: $0) },
            leavingOut: shape.hasDetectionHead ? [] : ["head."], trainsTokenTypes: settings.trainsTokenTypes)
        export.leftOut = tensors.leftOut
        try export.write(tensors, to: destination, force: settings.force)
        return ElectraNetwork.allCases.filter { shape.networks[$0] != nil }.map {
            Folder(
                name: $0.rawValue, architecture: shape.architecture(of: $0),
                leftOut: $0 == .discriminator ? tensors.leftOut : [])
        }
    }

    /// The first setting that `ElectraModel` lacks, as far as the parameters do not tell.
    static func obstacle(_ model: ModelConfiguration) -> ExportError? {
        if model.normalization.kind == .rmsNorm {
            return .notExpressible(
                setting: "model.normalization.kind: rms_norm", "subtract the mean in every norm",
                instead: "model.normalization.kind: layer_norm")
        }
        if model.attention.pattern != .full {
            return .notExpressible(
                setting: "model.attention.pattern: \(model.attention.pattern.rawValue)",
                "let every token see every other", instead: "model.attention.pattern: full")
        }
        if model.feedForward != .gelu {
            return .notExpressible(
                setting: "model.feed_forward: \(model.feedForward.rawValue)",
                "have a feed-forward with GELU and no gate",
                instead: "model.feed_forward: gelu")
        }
        if model.attention.queryKeyNorm {
            return .notExpressible(
                setting: "model.attention.query_key_norm: true", "leave queries and keys as they are",
                instead: "model.attention.query_key_norm: false")
        }
        if model.attention.disentangled {
            return .notExpressible(
                setting: "model.attention.disentangled: true", "have no scores by relative position",
                instead: "model.attention.disentangled: false")
        }
        if model.relativeBias.sharing != .none {
            return .notExpressible(
                setting: "model.relative_bias.sharing: \(model.relativeBias.sharing.rawValue)",
                "have no bias of attention scores by distance", instead: "model.relative_bias.sharing: none")
        }
        return nil
    }

    /// What Hugging Face's models lack of the maximal update parametrization.
    static func multipliers(_ engine: TrainingEngine) -> PerNetwork<ExportMultipliers> {
        let (model, parametrization) = (engine.configuration.model, engine.configuration.parametrization)
        // Their own scale is 1/√d, and in disentangled attention 1/√(3d).
        func attention(_ network: NetworkKind, _ shape: NetworkShape) -> Double {
            network.attentionScale(model, parametrization)
                * Double((model.attention.disentangled ? 3 : 1) * shape.headSize).squareRoot()
        }
        let output = engine.objective.model.outputMultipliers
        // Tokens are predicted with the word table by both networks, and multiplied alike.
        let main = engine.exportsLanguageHead ? output.generator : output.discriminator
        return PerNetwork(
            discriminator: ExportMultipliers(
                attention: attention(.discriminator, model.discriminatorShape), output: main),
            generator: ExportMultipliers(
                attention: attention(.generator, model.generatorShape), output: output.generator))
    }

    /// What `config.json` says beside the shapes: loading needs the norms' epsilon, training further the rest.
    static func settings(_ model: ModelConfiguration) -> ElectraSettings {
        ElectraSettings(
            dropout: model.dropout, attentionDropout: model.attentionDropout,
            initializerRange: model.initialization.standardDeviation, layerNormEpsilon: model.normalization.epsilon)
    }

    /// Where each network's embeddings are found.
    static func embeddingPrefixes(_ configuration: EngineConfiguration) -> PerNetwork<String> {
        guard configuration.objective.hasGenerator, configuration.model.embeddingSharing != .shared else {
            return PerNetwork(both: "embeddings.")
        }
        return PerNetwork(discriminator: "discriminator.embeddings.", generator: "generator.embeddings.")
    }

    static func names(_ tokenizer: Tokenizer, _ special: SpecialTokens) -> SpecialTokenNames {
        func name(_ id: Int32, _ fallback: String) -> String {
            tokenizer.addedTokenList.first { $0.id == id }?.content ?? fallback
        }
        return SpecialTokenNames(
            padding: name(special.padding, "[PAD]"), unknown: name(special.unknown, "[UNK]"),
            classification: name(special.classification, "[CLS]"),
            separator: name(special.separator, "[SEP]"), mask: name(special.mask, "[MASK]"))
    }
}
