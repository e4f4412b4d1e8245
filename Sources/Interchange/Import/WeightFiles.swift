import Files
import Foundation

/// The weights of a Hugging Face folder, in whichever files they are: one or several, of safetensors or of PyTorch.
///
/// What `from_pretrained` looks for, in its order. Opening checks names and sizes; values are read when asked for.
public struct WeightFiles: NamedTensors, Sendable {
    /// The file, or the list of files.
    public let path: String
    /// The files that hold tensors.
    public let files: [String]
    public let names: [String]
    private let parts: [String: WeightFile]

    private static let candidates = [
        "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
    ]

    /// - Throws: `ImportError`, `SafetensorsError`, `TorchFileError` or `FileFailure`.
    public init(folder: String) throws {
        let folder = folder as NSString
        for name in Self.candidates {
            let path = folder.appendingPathComponent(name)
            guard access(path, F_OK) == 0 else { continue }
            self.path = path
            let found = try name.hasSuffix(".json") ? Self.parts(listedIn: path) : [WeightFile(path: path)]
            files = found.map(\.path)
            names = found.flatMap(\.names)
            parts = Dictionary(
                found.flatMap { file in file.names.map { ($0, file) } }, uniquingKeysWith: { first, _ in first })
            return
        }
        let present = (try? FileManager.default.contentsOfDirectory(atPath: folder as String)) ?? []
        let other = [".h5", ".msgpack", ".ckpt", ".onnx", ".gguf", ".pt", ".bin", ".safetensors", ".index"]
        throw ImportError.noWeights(
            folder: folder as String,
            found: present.filter { name in other.contains { name.hasSuffix($0) } }.sorted().prefix(5).map(\.quoted))
    }

    public func type(of name: String) -> ElementType? { parts[name]?.type(of: name) }

    public func shape(of name: String) -> [Int]? { parts[name]?.shape(of: name) }

    /// The file that a tensor is in.
    public func path(of name: String) -> String { parts[name]?.path ?? path }

    public func floats(of name: String) throws -> [Float] {
        guard let part = parts[name] else { throw ImportError.missingTensor(path: path, name) }
        return try part.floats(of: name)
    }

    public func withValues<Result>(
        of name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result
    ) throws -> Result {
        try floats(of: name).withUnsafeBufferPointer(body)
    }

    /// The files that an index lists, each with exactly the tensors that it says.
    private static func parts(listedIn path: String) throws -> [WeightFile] {
        func fail(_ problem: String) -> ImportError { .malformedIndex(path: path, problem) }
        guard case .object(let members) = try FolderConfiguration.json(path),
            case .object(let map)? = members.first(where: { $0.key == "weight_map" })?.value
        else { throw fail("it has no weight_map of tensors and files") }
        var listed: [String: Set<String>] = [:]
        for member in map {
            guard case .string(let file) = member.value else { throw fail("\(member.key.quoted) is in no file") }
            // What leads out of the folder would read files that nobody has named.
            guard !file.isEmpty, !file.hasPrefix("."), !file.contains("/"), !file.contains("\\"), !file.contains("\0"),
                file.hasSuffix(".safetensors") || file.hasSuffix(".bin")
            else { throw fail("\(file.quoted) is not the name of a file of weights in this folder") }
            listed[file, default: []].insert(member.key)
        }
        guard !listed.isEmpty, listed.count <= 1024 else { throw fail("it lists \(listed.count) files") }
        let folder = PathParts.folder(of: path) as NSString
        return try listed.sorted { $0.key < $1.key }.map { name, tensors in
            let file = try WeightFile(path: folder.appendingPathComponent(name))
            let found = Set(file.names)
            if let missing = tensors.subtracting(found).min() {
                throw fail("\(missing.quoted) is not in \(name.quoted), as it says")
            }
            if let extra = found.subtracting(tensors).min() {
                throw fail("\(name.quoted) holds \(extra.quoted), of which it says nothing")
            }
            return file
        }
    }
}

/// One file of weights.
private enum WeightFile: Sendable {
    case safetensors(SafetensorsFile)
    case torch(TorchFile)

    init(path: String) throws {
        self =
            path.hasSuffix(".safetensors")
            ? .safetensors(try SafetensorsFile(path: path)) : .torch(try TorchFile(path: path))
    }

    var path: String {
        switch self {
        case .safetensors(let file): file.path
        case .torch(let file): file.path
        }
    }

    var names: [String] {
        switch self {
        case .safetensors(let file): file.names
        case .torch(let file): file.names
        }
    }

    func type(of name: String) -> ElementType? {
        switch self {
        case .safetensors(let file): file.entry(name)?.type
        case .torch(let file): file.type(of: name)
        }
    }

    func shape(of name: String) -> [Int]? {
        switch self {
        case .safetensors(let file): file.shape(of: name)
        case .torch(let file): file.shape(of: name)
        }
    }

    func floats(of name: String) throws -> [Float] {
        switch self {
        case .safetensors(let file): try file.floats(of: name)
        case .torch(let file): try file.floats(of: name)
        }
    }
}
