import Files
import Foundation

/// Writes a trained pair of networks as folders that Hugging Face's ELECTRA classes load.
///
///     destination/discriminator/   ElectraForPreTraining; without detection head ElectraForMaskedLM or ElectraModel
///     destination/generator/       ElectraForMaskedLM
///
/// Each folder holds `config.json`, `model.safetensors`, `tokenizer.json`, `tokenizer_config.json`,
/// `special_tokens_map.json` and a model card, `README.md`. A generator's output table that is the word table is written once, as Hugging Face does.
public struct ElectraExport: Sendable {
    public var shape: ElectraShape
    public var multipliers: PerNetwork<ExportMultipliers>
    public var settings: PerNetwork<ElectraSettings>
    /// Contents of `tokenizer.json`, copied byte for byte.
    public var tokenizer: Data
    public var specialTokens: SpecialTokenNames
    /// Element type, and what the model card says.
    public var export: ExportSettings
    /// Parameters of the discriminator that have no place, for its card.
    public var leftOut: [String] = []

    public init(
        shape: ElectraShape, tokenizer: Data, specialTokens: SpecialTokenNames = SpecialTokenNames(),
        multipliers: PerNetwork<ExportMultipliers> = PerNetwork(both: ExportMultipliers()),
        settings: PerNetwork<ElectraSettings> = PerNetwork(both: ElectraSettings()),
        export: ExportSettings = ExportSettings()
    ) {
        self.shape = shape
        self.tokenizer = tokenizer
        self.specialTokens = specialTokens
        self.multipliers = multipliers
        self.settings = settings
        self.export = export
    }

    /// Writes the folders, all of them or nothing.
    ///
    /// - Parameters:
    ///   - source: The parameters under the engine's names; all of `shape.engineNames` and no others.
    ///   - destination: Path of the folder to create; its parent must exist.
    ///   - force: Replace a folder that an earlier export wrote. One that holds anything else is left alone.
    /// - Throws: `ExportError` if the model has no such form or the destination is taken; `FileFailure` and
    ///   `SafetensorsError` from writing; whatever `source` throws.
    public func write(_ source: some NamedTensors, to destination: String, force: Bool = false) throws {
        try check(source)
        let tokenizerFiles = try TokenizerFiles(
            tokenizer: tokenizer, names: specialTokens, vocabularySize: shape.vocabularySize,
            maximumLength: export.maximumLength(shape.positionCount))
        try FolderPublication.write(to: destination, entries: HuggingFaceExport.entries, replacing: force) { folder in
            for network in ElectraNetwork.allCases {
                guard let sizes = shape.networks[network] else { continue }
                var configuration = ElectraConfiguration(
                    network, sizes, of: shape, settings[network], paddingID: tokenizerFiles.paddingID)
                configuration.elementType = export.elementType.torchName
                let card = ModelCard(
                    network: network.rawValue, architecture: shape.architecture(of: network), hasCode: false,
                    maximumLength: export.maximumLength(shape.positionCount), settings: export,
                    leftOut: network == .discriminator ? leftOut : [])
                try ModelFolder.write(
                    named: network.rawValue, in: folder, configuration: try configuration.jsonFile(),
                    card: card.contents,
                    tokenizerFiles
                ) { path in
                    try shape.tensors(of: network).write(
                        from: source, multipliers[network], to: path, as: export.elementType)
                }
            }
        }
    }

    /// Checks everything that can be checked without reading values.
    ///
    /// - Throws: `ExportError`
    public func check(_ source: some NamedTensors) throws {
        guard shape.networks.discriminator != nil || shape.networks.generator != nil else {
            throw ExportError.noNetworks
        }
        if let problem = shape.problem { throw ExportError.invalidShape(problem) }
        for network in ElectraNetwork.allCases where !multipliers[network].areUsable {
            throw ExportError.invalidMultipliers(network, multipliers[network])
        }
        let names = Set(source.names)
        if let norm = names.sorted().first(where: { $0.contains(".final_norm.") }) {
            throw ExportError.notPostNormalized(parameter: norm)
        }
        for network in ElectraNetwork.allCases where shape.networks[network] != nil {
            guard names.contains(shape.embeddingPrefixes[network] + "position") else {
                throw ExportError.noLearnedPositions
            }
        }
        for tensor in ElectraNetwork.allCases.flatMap({ shape.tensors(of: $0) }) {
            guard let found = source.shape(of: tensor.engineName) else {
                throw ExportError.missingParameter(tensor.engineName)
            }
            guard found == tensor.shape else {
                throw ExportError.wrongShape(tensor.engineName, expected: tensor.shape, found: found)
            }
        }
        if let extra = names.subtracting(shape.engineNames).sorted().first {
            throw ExportError.unexpectedParameter(extra)
        }
    }
}
