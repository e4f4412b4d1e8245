import Encoder
import Engine
import Files
import Foundation
import Tokenization

/// Writes networks with disentangled attention as folders that Hugging Face's DeBERTa-v2 classes load.
///
///     destination/discriminator/   DebertaV2Model: the encoder, without the detection head, for which there is no class; or
///                                  DebertaV2ForMaskedLM, of a main encoder that predicts tokens instead
///     destination/generator/       DebertaV2ForMaskedLM; left out where it has a mask decoder, for which there is none either
enum DebertaExport {
    /// - Throws: `ExportError` for a model that has no such form or a destination that is taken.
    static func write(
        _ engine: TrainingEngine, tokenizer: Tokenizer, to destination: String, _ settings: ExportSettings
    ) throws -> [HuggingFaceExport.Folder] {
        let configuration = engine.configuration
        let model = configuration.model
        if let obstacle = obstacle(model) { throw obstacle }
        let hasGenerator = configuration.objective.hasGenerator && !model.generator.maskDecoder
        if hasGenerator, let obstacle = obstacleOfGenerator(model) { throw obstacle }
        let networks: [ElectraNetwork] = hasGenerator ? [.discriminator, .generator] : [.discriminator]
        let prefixes = HuggingFaceExport.embeddingPrefixes(configuration)
        let longest = model.longestSequence(configuration.sequenceLength)
        let tokenizerFiles = try TokenizerFiles(
            tokenizer: Data(try tokenizer.serialized(wrapping: engine.special)),
            names: HuggingFaceExport.names(tokenizer, engine.special), vocabularySize: tokenizer.vocabularySize,
            maximumLength: settings.maximumLength(longest))
        let mainHasHead = engine.exportsLanguageHead
        func hasHead(_ network: ElectraNetwork) -> Bool { network == .generator || mainHasHead }
        let tensors = networks.map {
            DebertaTensors.list(
                $0, model, hasHead: hasHead($0), vocabularySize: tokenizer.vocabularySize,
                embeddingPrefix: prefixes[$0])
        }
        let source = EngineTensors(
            engine, tensors.flatMap(\.self), leavingOut: ["head."], trainsTokenTypes: settings.trainsTokenTypes)
        let multipliers = HuggingFaceExport.multipliers(engine)
        func architecture(_ network: ElectraNetwork) -> String {
            hasHead(network) ? "DebertaV2ForMaskedLM" : "DebertaV2Model"
        }
        func leftOut(_ network: ElectraNetwork) -> [String] { network == .discriminator ? source.leftOut : [] }
        try FolderPublication.write(to: destination, entries: HuggingFaceExport.entries, replacing: settings.force) {
            folder in
            for (network, tensors) in zip(networks, tensors) {
                var configuration = DebertaConfiguration(
                    architecture(network), model.of(network == .generator ? .generator : .discriminator),
                    network == .generator ? model.generatorShape : model.discriminatorShape,
                    vocabularySize: tokenizer.vocabularySize, longestSequence: longest,
                    paddingID: tokenizerFiles.paddingID)
                configuration.dtype = settings.elementType.torchName
                let card = ModelCard(
                    network: network.rawValue, architecture: architecture(network), hasCode: false,
                    maximumLength: settings.maximumLength(longest), settings: settings, leftOut: leftOut(network))
                try ModelFolder.write(
                    named: network.rawValue, in: folder, configuration: try configuration.jsonFile(.convertToSnakeCase),
                    card: card.contents, tokenizerFiles
                ) { try tensors.write(from: source, multipliers[network], to: $0, as: settings.elementType) }
            }
        }
        return networks.map { .init(name: $0.rawValue, architecture: architecture($0), leftOut: leftOut($0)) }
    }

    /// The first setting that `DebertaV2Model` lacks.
    private static func obstacle(_ model: ModelConfiguration) -> ExportError? {
        func lacks(_ setting: String, _ lack: String, _ instead: String) -> ExportError {
            .notDeberta(setting: setting, lack, instead: instead)
        }
        if !model.attention.disentangled {
            return lacks(
                "model.attention.disentangled: false", "have scores by relative position",
                "model.attention.disentangled: true")
        }
        let depth = model.layerCount
        if (0..<depth).contains(where: { model.normalization.form(layer: $0, of: depth) != .post }) {
            return lacks(
                "model.normalization.placement: \(model.normalization.placement.rawValue)", "only know Post-LN",
                "model.normalization.placement: post")
        }
        if model.normalization.kind != .layerNorm {
            return lacks(
                "model.normalization.kind: \(model.normalization.kind.rawValue)", "subtract the mean in every norm",
                "model.normalization.kind: layer_norm")
        }
        if model.feedForward != .gelu {
            return lacks(
                "model.feed_forward: \(model.feedForward.rawValue)", "have a feed-forward with GELU and no gate",
                "model.feed_forward: gelu")
        }
        if model.embeddingSize != model.hiddenSize {
            return lacks(
                "model.embedding_size: \(model.embeddingSize)", "project embeddings before their norm, without a bias",
                "model.embedding_size: \(model.hiddenSize)")
        }
        return nil
    }

    private static func obstacleOfGenerator(_ model: ModelConfiguration) -> ExportError? {
        if model.generatorShape.hiddenSize != model.embeddingSize {
            return .notDeberta(
                setting: "a generator of hidden size \(model.generatorShape.hiddenSize)",
                "project embeddings before their norm, without a bias",
                instead: "model.generator.hidden_size: \(model.embeddingSize)")
        }
        if !model.generator.tiedOutput {
            return .notDeberta(
                setting: "model.generator.tied_output: false", "predict with the word table",
                instead: "model.generator.tied_output: true")
        }
        return nil
    }
}
