import Encoder
import Foundation

/// A Hugging Face folder as one network of this engine: every tensor of the folder is either taken, under a name of the
/// engine's, or left, with the reason.
///
/// Opening checks configuration, names and shapes; values are read when asked for.
public struct ImportedNetwork: NamedTensors, Sendable {
    /// A tensor of the folder that nothing is made of.
    public struct Left: Sendable, Equatable {
        public var name: String
        public var shape: [Int]
        public var reason: String
    }

    public let folder: String
    public let network: NetworkKind
    public let files: WeightFiles
    let description: EncoderDescription
    /// Tokens that the network knows.
    public let vocabularySize: Int
    let tensors: [String: ImportedTensor]
    public let names: [String]
    public let left: [Left]
    /// The head that says which tokens were replaced, if the folder has one.
    let detectionHead: DetectionHeadKind?
    /// Whether the folder has a head that predicts masked tokens which fits the network.
    let predictsTokens: Bool
    /// Whether that head has an output table of its own.
    let outputIsTied: Bool

    /// - Parameters:
    ///   - network: what it becomes.
    ///   - vocabularySize: of the tokenizer; rows of the tables beyond it are left. Nil: that of `config.json`.
    /// - Throws: `ImportError`, `SafetensorsError`, `TorchFileError` or `FileFailure`.
    public init(_ folder: String, as network: NetworkKind, vocabularySize: Int? = nil) throws {
        self.folder = folder
        self.network = network
        let configuration = try FolderConfiguration(folder: folder)
        description = try EncoderDescription(configuration)
        files = try WeightFiles(folder: folder)
        self.vocabularySize = vocabularySize ?? description.vocabularySize
        guard self.vocabularySize <= description.vocabularySize else {
            throw ImportError.vocabularyTooSmall(
                path: configuration.path, rows: description.vocabularySize, tokenizer: self.vocabularySize)
        }
        var reading = NetworkReading(files, description, network, vocabularySize: self.vocabularySize)
        try reading.encoder()
        detectionHead = network == .discriminator ? try reading.detectionHead() : nil
        (predictsTokens, outputIsTied) = try reading.languageHead()
        left = try reading.rest()
        tensors = reading.tensors
        names = reading.names
    }

    public func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    public func withValues<Result>(
        of name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result
    ) throws -> Result {
        guard let tensor = tensors[name] else { throw TensorDictionary.MissingTensor(name: name) }
        let values = try files.floats(of: tensor.sourceName)
        if let index = values.firstIndex(where: { !$0.isFinite }) {
            throw ImportError.nonFinite(path: files.path(of: tensor.sourceName), tensor.sourceName, index: index)
        }
        return try values.withUnsafeBufferPointer { values in
            if tensor.isWhole { return try body(values) }
            let width = tensor.shape.dropFirst().reduce(1, *)
            let count = tensor.shape.reduce(1, *) / tensor.repetitions
            let part = UnsafeBufferPointer(rebasing: values[(tensor.firstRow * width)...].prefix(count))
            if tensor.factor != 1 {
                let scaled = part.map { Float(Double($0) * tensor.factor) }
                if let index = scaled.firstIndex(where: { !$0.isFinite }) {
                    throw ImportError.nonFinite(
                        path: files.path(of: tensor.sourceName), tensor.sourceName, index: index)
                }
                return try scaled.withUnsafeBufferPointer(body)
            }
            if tensor.repetitions == 1 { return try body(part) }
            let repeated = (0..<tensor.repetitions).flatMap { _ in part }
            return try repeated.withUnsafeBufferPointer(body)
        }
    }
}
