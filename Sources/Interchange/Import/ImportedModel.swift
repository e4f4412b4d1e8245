import Configuration
import Encoder
import Engine
import Foundation
import Kernels
import Machine
import Objectives
import Pretraining

/// One folder, or two, seen as a model of this engine: its settings, and its parameters under the engine's names.
///
/// The first folder becomes the main encoder ("discriminator"), the second the generator. Either may be an ELECTRA, a BERT, a
/// RoBERTa or a DeBERTa, with any head, or what this program has exported.
public struct ImportedModel: NamedTensors, Sendable {
    public let main: ImportedNetwork
    public let generator: ImportedNetwork?
    /// What the two have in common of their embeddings: as much as is equal in every bit.
    public let sharing: EmbeddingSharing
    /// Under the engine's names, each network's own.
    private let sources: [String: (network: ImportedNetwork, name: String)]
    public let names: [String]

    /// Puts two networks together.
    ///
    /// - Throws: `ImportError.sharedPartDiffers` where this engine has one value for both and they have two.
    public init(main: ImportedNetwork, generator: ImportedNetwork? = nil) throws {
        self.main = main
        self.generator = generator
        if let generator { try Self.check(main, generator) }
        sharing = try generator.map { try Self.sharing(main, $0) } ?? .shared
        var sources: [String: (ImportedNetwork, String)] = [:]
        var names: [String] = []
        for network in [main, generator].compactMap(\.self) {
            for name in network.names {
                var own = name
                let isShared = sharing == .shared || sharing == .tokenOnly && name == "embeddings.word"
                if name.hasPrefix("embeddings."), !isShared { own = "\(network.network.rawValue).\(name)" }
                if sources.updateValue((network, name), forKey: own) == nil { names.append(own) }
            }
        }
        self.sources = sources
        self.names = names
    }

    public func shape(of name: String) -> [Int]? { sources[name].flatMap { $0.network.shape(of: $0.name) } }

    public func withValues<Result>(
        of name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result
    ) throws -> Result {
        guard let source = sources[name] else { throw TensorDictionary.MissingTensor(name: name) }
        return try source.network.withValues(of: source.name, body)
    }

    /// The tensor of a folder that a parameter is made of.
    func source(of name: String) -> (network: ImportedNetwork, tensor: ImportedTensor)? {
        sources[name].flatMap { source in source.network.tensors[source.name].map { (source.network, $0) } }
    }

    private static func check(_ main: ImportedNetwork, _ generator: ImportedNetwork) throws {
        let (one, other) = (main.description, generator.description)
        func same<Value: Equatable>(_ what: String, _ value: (EncoderDescription) -> Value) throws {
            let (mine, theirs) = (value(one), value(other))
            guard mine != theirs else { return }
            throw ImportError.sharedPartDiffers("\(what) (\(mine) and \(theirs))")
        }
        try same("the width of their embeddings") { $0.embeddingSize }
        try same("layer_norm_eps") { $0.epsilon }
        try same("the longest sequence that they take") { $0.longestSequence }
        // Windows and placements of norms are resolved for every layer there, and by proportion: of the generator's own layers.
        let (shape, layers) = (other.shape, 0..<other.shape.layerCount)
        func resolved(_ model: ModelConfiguration) -> [LayerAttention] {
            LayerAttention.layers(model, shape, networkIndex: 0)
        }
        func forms(_ model: ModelConfiguration) -> [LayerNormalization] {
            layers.map { model.normalization.form(layer: $0, of: shape.layerCount) }
        }
        var rest = other.model
        (rest.generator, rest.detectionHead) = (one.model.generator, one.model.detectionHead)
        rest.attention.pattern = one.model.attention.pattern
        rest.attention.window = one.model.attention.window
        rest.attention.windows = one.model.attention.windows
        rest.attention.dilations = one.model.attention.dilations
        rest.attention.fullEvery = one.model.attention.fullEvery
        // A generator without windows, as one of a single layer, tells nothing of their base.
        if resolved(other.model).allSatisfy({ $0.kind == .full }) {
            rest.attention.localRotaryBase = one.model.attention.localRotaryBase
        }
        rest.normalization.placement = one.model.normalization.placement
        rest.normalization.alpha = one.model.normalization.alpha
        guard rest == one.model, resolved(one.model) == resolved(other.model), forms(one.model) == forms(other.model)
        else {
            throw ImportError.sharedPartDiffers("attention, norms or positions (config.json)")
        }
        guard
            Set(main.names.filter { $0.hasPrefix("embeddings.") })
                == Set(generator.names.filter { $0.hasPrefix("embeddings.") })
        else { throw ImportError.sharedPartDiffers("the parts of their embeddings") }
    }

    private static func sharing(_ main: ImportedNetwork, _ generator: ImportedNetwork) throws -> EmbeddingSharing {
        func isEqual(_ name: String) throws -> Bool {
            guard main.shape(of: name) == generator.shape(of: name) else { return false }
            // By bits: zeros of different sign are different files.
            return try main.withValues(of: name) { mine in
                try generator.withValues(of: name) { theirs in
                    mine.lazy.map(\.bitPattern).elementsEqual(theirs.lazy.map(\.bitPattern))
                }
            }
        }
        guard try isEqual("embeddings.word") else { return .separate }
        let parts = main.names.filter { $0.hasPrefix("embeddings.") && $0 != "embeddings.word" }
        return try parts.allSatisfy(isEqual) ? .shared : .tokenOnly
    }

    // MARK: Settings

    /// The shape of both networks.
    public var model: ModelConfiguration {
        let description = main.description
        var model = description.model
        model.hiddenSize = description.shape.hiddenSize
        model.layerCount = description.shape.layerCount
        model.headCount = description.shape.headCount
        model.intermediateSize = description.shape.intermediateSize
        model.embeddingSize = description.embeddingSize
        model.embeddingSharing = sharing
        model.maximumPositions = description.longestSequence
        model.dropout = description.dropout
        model.attentionDropout = description.attentionDropout
        model.normalization.epsilon = description.epsilon
        model.initialization.standardDeviation = description.initializerRange
        model.detectionHead = main.detectionHead ?? .dense
        guard let generator else { return model }
        let own = generator.description
        model.generator.hiddenSize = own.shape.hiddenSize
        model.generator.layerCount = own.shape.layerCount
        model.generator.headCount = own.shape.headCount
        model.generator.intermediateSize = own.shape.intermediateSize
        model.generator.tiedOutput = generator.outputIsTied
        model.generator.dropout = own.dropout == model.dropout ? nil : own.dropout
        model.generator.attentionDropout = own.attentionDropout == model.attentionDropout ? nil : own.attentionDropout
        model.generator.maskDecoder = own.model.generator.maskDecoder
        return model
    }

    /// What the model can do as it is, without a head that nothing has trained: detect replaced tokens, or predict masked ones.
    public var objective: ObjectiveConfiguration {
        var objective = ObjectiveConfiguration()
        switch (main.detectionHead != nil, generator != nil) {
        case (true, true): objective.name = .electra
        case (true, false): objective.replacements = .random
        case (false, true): objective.name = .replaceMLM
        case (false, false): objective.name = .maskedLanguageModel
        }
        return objective
    }

    /// Whether the folders tell the two token types apart.
    public var trainsTokenTypes: Bool {
        get throws {
            // Shapes are held against those that the engine has later, and with a better message.
            guard let name = names.first(where: { $0.hasSuffix("embeddings.token_type") }), let shape = shape(of: name),
                shape.count == 2, shape[0] == 2
            else { return false }
            return try withValues(of: name) { table in
                let width = shape[1]
                return (0..<width).contains { table[$0].bitPattern != table[width + $0].bitPattern }
            }
        }
    }

    /// The settings of a checkpoint that holds the model.
    ///
    /// - Parameter settings: `key=value` each, over what the folders say.
    /// - Throws: `ImportError.unsupported` for a model that this engine does not have, `ConfigurationError` for a setting.
    public func configuration(settings: [String] = []) throws -> RunConfiguration {
        var result = RunConfiguration()
        result.model = model
        result.objective = objective
        let longest = main.description.longestSequence
        result.corpus.sequenceLength =
            result.model.positions == .learned ? min(512, longest, main.trainedLength ?? longest) : longest
        // A generator that may come later: a quarter as wide, or as wide where the heads allow no quarter.
        if generator == nil, (try? result.model.validateGenerator()) == nil {
            result.model.generator.widthMultiplier = 1
        }
        // Written and read again, so that a value out of range shows here and not when the checkpoint is opened.
        let yaml = try ConfigurationWriter.yaml(result)
        do {
            try ConfigurationReader.read(yaml: yaml, origin: "its settings here", into: &result)
        } catch let error as ConfigurationError {
            throw ImportError.unsupported(path: main.folder, "this engine has no such model: \(error)")
        }
        if !settings.isEmpty {
            try ConfigurationReader.read(yaml: yaml, origin: "--set", overrides: settings, into: &result)
            try checkShape(of: result.model)
        }
        return result
    }

    /// Refuses settings that contradict the weights, which would show as tensors that are missing.
    private func checkShape(of asked: ModelConfiguration) throws {
        let own = model
        func fixed(_ model: ModelConfiguration) -> [(String, Int)] {
            var sizes = [
                ("hidden_size", model.hiddenSize), ("layer_count", model.layerCount), ("head_count", model.headCount),
                ("intermediate_size", model.intermediateSize), ("embedding_size", model.embeddingSize),
                ("maximum_positions", model.maximumPositions),
            ]
            if generator != nil {
                let shape = model.generatorShape
                sizes += [
                    ("generator.hidden_size", shape.hiddenSize), ("generator.layer_count", shape.layerCount),
                    ("generator.head_count", shape.headCount), ("generator.intermediate_size", shape.intermediateSize),
                ]
            }
            return sizes
        }
        for ((key, weights), (_, wanted)) in zip(fixed(own), fixed(asked)) where weights != wanted {
            throw ImportError.unsuitableSetting(
                "model.\(key) is \(weights) in the weights and cannot be \(wanted); leave --set model.\(key) out")
        }
    }
}
