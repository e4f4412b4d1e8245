import Files
import Foundation

/// Writes a trained pair of networks as folders that Hugging Face's ELECTRA classes load.
///
///     destination/discriminator/   ElectraForPreTraining, or ElectraModel without detection head
///     destination/generator/       ElectraForMaskedLM
///
/// Each folder holds `config.json`, `model.safetensors`, `tokenizer.json`, `tokenizer_config.json`,
/// `special_tokens_map.json` and a model card, `README.md`. A generator's output table that is the word table is written once, as Hugging Face does.
public struct ElectraExport: Sendable {
    public var shape: ElectraShape
    public var multipliers: PerNetwork<ElectraMultipliers>
    public var settings: PerNetwork<ElectraSettings>
    /// Contents of `tokenizer.json`, copied byte for byte.
    public var tokenizer: Data
    public var specialTokens: SpecialTokenNames
    /// Whether token type 1 has been trained; for the model card.
    public var trainsTokenTypes: Bool

    public init(
        shape: ElectraShape, tokenizer: Data, specialTokens: SpecialTokenNames = SpecialTokenNames(),
        multipliers: PerNetwork<ElectraMultipliers> = PerNetwork(both: ElectraMultipliers()),
        trainsTokenTypes: Bool = true, settings: PerNetwork<ElectraSettings> = PerNetwork(both: ElectraSettings())
    ) {
        self.shape = shape
        self.tokenizer = tokenizer
        self.specialTokens = specialTokens
        self.multipliers = multipliers
        self.settings = settings
        self.trainsTokenTypes = trainsTokenTypes
    }

    /// Writes the folders, all of them or nothing.
    ///
    /// - Parameters:
    ///   - source: The parameters under the engine's names; all of `shape.engineNames` and no others.
    ///   - destination: Path of the folder to create; its parent must exist.
    ///   - force: Replace a folder that an earlier export wrote. One that holds anything else is left alone.
    /// - Throws: `ElectraExportError` if the model has no such form or the destination is taken; `FileFailure` and
    ///   `SafetensorsError` from writing; whatever `source` throws.
    public func write(_ source: some NamedTensors, to destination: String, force: Bool = false) throws {
        try check(source)
        let tokenizerFiles = try TokenizerFiles(
            tokenizer: tokenizer, names: specialTokens, vocabularySize: shape.vocabularySize,
            maximumLength: shape.positionCount)
        try FolderPublication.write(to: destination, entries: HuggingFaceExport.entries, replacing: force) { folder in
            for network in ElectraNetwork.allCases {
                guard let sizes = shape.networks[network] else { continue }
                let path = (folder as NSString).appendingPathComponent(network.rawValue)
                _ = try Files.check("create", path) { mkdir(path, 0o755) }
                let configuration = ElectraConfiguration(
                    network, sizes, of: shape, settings[network], paddingID: tokenizerFiles.paddingID)
                let card = ModelCard(
                    network: network.rawValue, architecture: shape.architecture(of: network), hasCode: false,
                    maximumLength: shape.positionCount, trainsTokenTypes: trainsTokenTypes)
                let files =
                    [("config.json", try configuration.jsonFile()), (ModelCard.fileName, card.contents)]
                    + tokenizerFiles.files
                for (name, contents) in files {
                    try FileDescriptor.write(contents, to: (path as NSString).appendingPathComponent(name))
                }
                let weights = (path as NSString).appendingPathComponent("model.safetensors")
                try writeWeights(of: network, from: source, to: weights)
            }
        }
    }

    /// Checks everything that can be checked without reading values.
    ///
    /// - Throws: `ElectraExportError`
    public func check(_ source: some NamedTensors) throws {
        guard shape.networks.discriminator != nil || shape.networks.generator != nil else {
            throw ElectraExportError.noNetworks
        }
        if let problem = shape.problem { throw ElectraExportError.invalidShape(problem) }
        for network in ElectraNetwork.allCases where !multipliers[network].areUsable {
            throw ElectraExportError.invalidMultipliers(network, multipliers[network])
        }
        let names = Set(source.names)
        if let norm = names.sorted().first(where: { $0.contains(".final_norm.") }) {
            throw ElectraExportError.notPostNormalized(parameter: norm)
        }
        for network in ElectraNetwork.allCases where shape.networks[network] != nil {
            guard names.contains(shape.embeddingPrefixes[network] + "position") else {
                throw ElectraExportError.noLearnedPositions
            }
        }
        for tensor in ElectraNetwork.allCases.flatMap({ shape.tensors(of: $0) }) {
            guard let found = source.shape(of: tensor.engineName) else {
                throw ElectraExportError.missingParameter(tensor.engineName)
            }
            guard found == tensor.shape else {
                throw ElectraExportError.wrongShape(tensor.engineName, expected: tensor.shape, found: found)
            }
        }
        if let extra = names.subtracting(shape.engineNames).sorted().first {
            throw ElectraExportError.unexpectedParameter(extra)
        }
    }

    private func writeWeights(
        of network: ElectraNetwork, from source: some NamedTensors, to path: String
    ) throws {
        let tensors = shape.tensors(of: network)
        let writer = try SafetensorsWriter(
            path: path, tensors: tensors.map { ($0.huggingFaceName, .float32, $0.shape) })
        for tensor in tensors {
            let factor = multipliers[network][tensor.multiplier]
            try source.withValues(of: tensor.engineName) { values in
                if let index = values.firstIndex(where: { !$0.isFinite }) {
                    throw ElectraExportError.nonFinite(tensor.engineName, index: index)
                }
                if factor == 1 {
                    try writer.append(values)
                } else {
                    let folded = values.map { Float(Double($0) * factor) }
                    if let index = folded.firstIndex(where: { !$0.isFinite }) {
                        throw ElectraExportError.nonFinite(tensor.engineName, index: index)
                    }
                    try writer.append(folded)
                }
            }
        }
        try writer.finish()
    }
}
