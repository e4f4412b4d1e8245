import Files
import Foundation

/// Why folders cannot be read as Hugging Face ELECTRA models of this engine.
public enum ElectraImportError: Error, Equatable, CustomStringConvertible {
    case noFolders
    /// `config.json` is not JSON, or describes a model that this engine does not have.
    case unsupported(path: String, String)
    /// There is no `model.safetensors` in the folder.
    case noWeights(folder: String)
    case missingTensor(path: String, String)
    case unexpectedTensor(path: String, String)
    case wrongShape(path: String, String, expected: [Int], found: [Int])
    /// The generator's output table is not its word table, and its configuration says that it is.
    case untiedOutput(path: String)
    /// The two folders have different sizes or values where this engine shares parameters.
    case sharedPartDiffers(String)
    case invalidMultipliers(ElectraNetwork, ExportMultipliers)

    public var description: String {
        switch self {
        case .noFolders: "neither a discriminator's nor a generator's folder is given"
        case .unsupported(let path, let problem): "\(path): \(problem)"
        case .noWeights(let folder):
            "\(folder) has no model.safetensors; load the model with transformers and save it again with "
                + "save_pretrained to get one"
        case .missingTensor(let path, let name): "\(path) lacks the tensor \(name)"
        case .unexpectedTensor(let path, let name):
            "\(path) holds the tensor \(name.quoted), which its config.json does not account for"
        case .wrongShape(let path, let name, let expected, let found):
            "\(path): the tensor \(name) has the shape \(found), and config.json asks for \(expected)"
        case .untiedOutput(let path):
            "\(path): generator_lm_head.weight differs from the word embeddings, and config.json says that they are tied"
        case .sharedPartDiffers(let name):
            "discriminator and generator differ in \(name), which they share in this engine; say whose to take"
        case .invalidMultipliers(let network, let multipliers):
            "the multipliers of the \(network.rawValue) (attention \(multipliers.attention), output "
                + "\(multipliers.output)) must be finite and not zero"
        }
    }
}

/// Hugging Face ELECTRA folders, seen as parameters under the engine's names.
///
/// Opening checks configuration, names and shapes; values are read when asked for. With multipliers, the values are
/// those with which the engine computes the same as Hugging Face's model does.
public struct ElectraImport: NamedTensors, Sendable {
    /// Whose embeddings to take where both folders have them.
    public enum SharedEmbeddings: Sendable {
        /// They must be equal in every bit.
        case equal
        case from(ElectraNetwork)
    }

    public let shape: ElectraShape
    /// Settings of the folders that were given.
    public let settings: PerNetwork<ElectraSettings?>
    private let tensors: [String: Source]
    public let names: [String]

    private struct Source: Sendable {
        var file: SafetensorsFile
        var name: String
        var shape: [Int]
        var divisor: Double
    }

    /// Opens one folder or both.
    ///
    /// - Parameters:
    ///   - discriminator: Folder of an ElectraForPreTraining or ElectraModel.
    ///   - generator: Folder of an ElectraForMaskedLM.
    ///   - embeddings: Whose embeddings to take.
    ///   - multipliers: The multipliers that the engine will use with these parameters.
    /// - Throws: `ElectraImportError`, `SafetensorsError` or `FileFailure`.
    public init(
        discriminator: String?, generator: String?, embeddings: SharedEmbeddings = .equal,
        multipliers: PerNetwork<ExportMultipliers> = PerNetwork(both: ExportMultipliers())
    ) throws {
        let folders = PerNetwork(discriminator: discriminator, generator: generator)
        var shape: ElectraShape?
        var settings = PerNetwork<ElectraSettings?>(both: nil)
        var tensors: [String: Source] = [:]
        var names: [String] = []
        for network in ElectraNetwork.allCases {
            guard let folder = folders[network] else { continue }
            guard multipliers[network].areUsable else {
                throw ElectraImportError.invalidMultipliers(network, multipliers[network])
            }
            let opened = try OpenedFolder(folder, network)
            var merged = shape ?? opened.shape
            merged.networks[network] = opened.shape.networks[network]
            if network == .generator { merged.outputIsTied = opened.shape.outputIsTied }
            if network == .discriminator { merged.hasDetectionHead = opened.shape.hasDetectionHead }
            var expected = opened.shape
            expected.networks = merged.networks
            expected.outputIsTied = merged.outputIsTied
            expected.hasDetectionHead = merged.hasDetectionHead
            guard merged == expected else {
                throw ElectraImportError.sharedPartDiffers("the sizes of the embeddings (config.json)")
            }
            shape = merged
            settings[network] = opened.settings
            for tensor in opened.shape.tensors(of: network) {
                let source = Source(
                    file: opened.file, name: tensor.huggingFaceName, shape: tensor.shape,
                    divisor: multipliers[network][tensor.multiplier])
                guard let other = tensors[tensor.engineName] else {
                    tensors[tensor.engineName] = source
                    names.append(tensor.engineName)
                    continue
                }
                switch embeddings {
                case .from(let chosen): if chosen == network { tensors[tensor.engineName] = source }
                case .equal:
                    guard try other.file.bytes(of: other.name) == source.file.bytes(of: source.name) else {
                        throw ElectraImportError.sharedPartDiffers(tensor.engineName)
                    }
                }
            }
        }
        guard let shape else { throw ElectraImportError.noFolders }
        self.shape = shape
        self.settings = settings
        self.tensors = tensors
        self.names = names
    }

    public func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    public func withValues<Result>(
        of name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result
    ) throws -> Result {
        guard let source = tensors[name] else { throw TensorDictionary.MissingTensor(name: name) }
        var values = try source.file.floats(of: source.name)
        if source.divisor != 1 {
            for index in values.indices { values[index] = Float(Double(values[index]) / source.divisor) }
        }
        return try values.withUnsafeBufferPointer(body)
    }
}

/// One folder, whose tensors are what its `config.json` promises.
private struct OpenedFolder {
    let file: SafetensorsFile
    let shape: ElectraShape
    let settings: ElectraSettings

    init(_ folder: String, _ network: ElectraNetwork) throws {
        let configurationPath = (folder as NSString).appendingPathComponent("config.json")
        let data = try FileDescriptor.contents(of: configurationPath, limit: 1 << 24)
        let configuration: ElectraConfiguration
        do {
            configuration = try JSONDecoder().decode(ElectraConfiguration.self, from: data)
        } catch {
            throw ElectraImportError.unsupported(
                path: configurationPath, "it is not the JSON of a model's configuration (\(error))")
        }
        var shape = configuration.shape
        shape.networks[network] = configuration.network
        shape.outputIsTied = network == .discriminator || configuration.tiesWordEmbeddings != false
        if network == .generator { shape.hasDetectionHead = true }
        if let problem = configuration.obstacle ?? shape.problem {
            throw ElectraImportError.unsupported(path: configurationPath, problem)
        }

        let path = (folder as NSString).appendingPathComponent("model.safetensors")
        do {
            file = try SafetensorsFile(path: path)
        } catch let failure as FileFailure where failure.code == ENOENT {
            throw ElectraImportError.noWeights(folder: folder)
        }
        self.shape = shape
        settings = configuration.settings

        let tensors = shape.tensors(of: network)
        for tensor in tensors {
            guard let found = file.shape(of: tensor.huggingFaceName) else {
                throw ElectraImportError.missingTensor(path: path, tensor.huggingFaceName)
            }
            guard found == tensor.shape else {
                throw ElectraImportError.wrongShape(
                    path: path, tensor.huggingFaceName, expected: tensor.shape, found: found)
            }
        }
        // Older releases of transformers saved these buffers and the tied table as well.
        let tied = "generator_lm_head.weight"
        let known = Set(tensors.map(\.huggingFaceName)).union([
            "electra.embeddings.position_ids", "electra.embeddings.token_type_ids", "embeddings.position_ids",
            "embeddings.token_type_ids",
        ])
        for name in file.names where !known.contains(name) && !(network == .generator && name == tied) {
            throw ElectraImportError.unexpectedTensor(path: path, name)
        }
        guard network == .generator, shape.outputIsTied, file.entry(tied) != nil else { return }
        guard try file.bytes(of: tied) == file.bytes(of: "electra.embeddings.word_embeddings.weight") else {
            throw ElectraImportError.untiedOutput(path: path)
        }
    }
}
