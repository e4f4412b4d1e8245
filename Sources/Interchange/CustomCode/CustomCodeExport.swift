import Encoder
import Engine
import Files
import Foundation
import Objectives
import Tokenization

/// Writes a model of any shape as folders that Hugging Face Transformers loads with code that they bring along
/// (`trust_remote_code=True`).
///
///     destination/discriminator/   PretrainForReplacedTokenDetection; PretrainForMaskedLM if it predicts tokens instead; or
///                                  PretrainModel if it does neither by itself
///     destination/generator/       PretrainForMaskedLM
///
/// Beside the code, `modeling_pretrain.py`, each folder holds `config.json`, `model.safetensors`, the tokenizer's files and a
/// model card, `README.md`.
package enum CustomCodeExport {
    static let codeFile = "modeling_pretrain.py"
    /// The classes, as every folder gets them.
    package static let code = Data(PackageResources.modeling_pretrain_py)

    /// - Throws: `ExportError` for a model with random blocks, a broken model, or a destination that is taken.
    static func write(
        _ engine: TrainingEngine, tokenizer: Tokenizer, to destination: String, _ settings: ExportSettings
    ) throws -> [HuggingFaceExport.Folder] {
        let configuration = engine.configuration
        if configuration.model.attention.pattern == .bigBird { throw ExportError.randomBlocks }
        let networks: [NetworkKind] =
            configuration.objective.hasGenerator ? [.discriminator, .generator] : [.discriminator]
        let parameters = networks.map { NetworkParameters($0, of: engine) }
        let longest = settings.maximumLength(configuration.model.longestSequence(configuration.sequenceLength))
        let tokenizerFiles = try TokenizerFiles(
            tokenizer: Data(try tokenizer.serialized(wrapping: engine.special)),
            names: HuggingFaceExport.names(tokenizer, engine.special),
            vocabularySize: tokenizer.vocabularySize,
            maximumLength: longest)
        try FolderPublication.write(to: destination, entries: HuggingFaceExport.entries, replacing: settings.force) {
            folder in
            for (network, parameters) in zip(networks, parameters) {
                var json = Self.configuration(network, engine, tokenizer, tokenizerFiles)
                json.dtype = settings.elementType.torchName
                let card = ModelCard(
                    network: network.rawValue,
                    architecture: CustomCodeArchitecture(network, of: engine).rawValue, hasCode: true,
                    maximumLength: longest,
                    settings: settings, leftOut: parameters.leftOut)
                try ModelFolder.write(
                    named: network.rawValue, in: folder, configuration: json.jsonFile(.convertToSnakeCase),
                    card: card.contents, tokenizerFiles,
                    others: [(codeFile, code)]
                ) { path in
                    try write(parameters.tensors, of: engine, to: path, settings)
                }
            }
        }
        return zip(networks, parameters).map { network, parameters in
            .init(
                name: network.rawValue, architecture: CustomCodeArchitecture(network, of: engine).rawValue,
                leftOut: parameters.leftOut)
        }
    }

    private static func configuration(
        _ network: NetworkKind, _ engine: TrainingEngine, _ tokenizer: Tokenizer, _ files: TokenizerFiles
    ) -> CustomCodeConfiguration {
        let architecture = CustomCodeArchitecture(network, of: engine)
        let multipliers = engine.objective.model.outputMultipliers
        return CustomCodeConfiguration(
            network, architecture: architecture, engine.configuration, vocabularySize: tokenizer.vocabularySize,
            outputMultiplier: architecture == .maskedLanguageModel ? multipliers.generator : multipliers.discriminator,
            paddingID: files.paddingID)
    }

    private static func write(
        _ tensors: [NetworkParameters.Tensor], of engine: TrainingEngine, to path: String, _ settings: ExportSettings
    ) throws {
        let writer = try SafetensorsWriter(
            path: path, tensors: tensors.map { ($0.name, settings.elementType, $0.shape) })
        for tensor in tensors {
            let values = UnsafeBufferPointer(
                start: engine.state.weights.base + tensor.offset, count: tensor.shape.reduce(1, *))
            if let index = values.firstIndex(where: { !$0.isFinite }) {
                throw ExportError.nonFinite(tensor.name, index: index)
            }
            if tensor.name.hasSuffix("embeddings.token_type.weight"), !settings.trainsTokenTypes {
                try TokenTypes.exported(values, width: tensor.shape[1], areTrained: false).withUnsafeBufferPointer {
                    try writer.append(rounding: $0)
                }
            } else {
                try writer.append(rounding: values)
            }
        }
        try writer.finish()
    }
}
