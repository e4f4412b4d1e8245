import Files
import Foundation
import Synchronization

/// A file of named tensors as `torch.save` writes it (`pytorch_model.bin`), open for reading. Nothing in it is executed.
///
/// Both of PyTorch's formats: the zip archive, and what came before version 1.6, in which many released weights still are.
/// Tensors are read when asked for, with their strides; checksums of an archive are compared then.
public final class TorchFile: Sendable {
    public let path: String
    /// In the order in which they were saved.
    public let names: [String]
    private let tensors: [String: PickledTensor]
    private let source: any StorageSource
    /// The storage that was read last: some files keep many tensors in one.
    private let recent = Mutex<(key: String, bytes: [UInt8])?>(nil)

    /// - Throws: `FileFailure` if the file cannot be read, `TorchFileError` if it is not such a file.
    public init(path: String) throws {
        self.path = path
        do {
            let file = try FileDescriptor.openForReading(path)
            let size = try file.regularFileSize()
            var start: UInt32 = 0
            _ = try withUnsafeMutableBytes(of: &start) { try file.read(into: $0, at: 0) }
            let pickle: Pickle
            switch UInt32(littleEndian: start) {
            case 0x0403_4B50:
                let archive = try TorchArchive(file, size: size)
                (source, pickle) = (archive, try archive.pickle())
            case let start where start & 0xFFFF == 0x0280:
                let stream = try TorchStream(file, size: size)
                (source, pickle) = (stream, stream.pickle)
            default: throw TorchFailure.unknownFormat
            }
            (names, tensors) = try Self.weights(of: pickle)
            for (name, tensor) in tensors {
                if let problem = try source.size(of: tensor.storage).map(tensor.problem(storageBytes:)) ?? "no data" {
                    throw TorchFailure.malformedTensor(name, problem)
                }
            }
        } catch let failure as TorchFailure {
            throw TorchFileError(path, failure)
        }
    }

    /// The named tensors of a pickle that holds nothing else.
    private static func weights(of pickle: Pickle) throws(TorchFailure) -> ([String], [String: PickledTensor]) {
        guard let members = pickle.members(of: pickle.value) else { throw .notWeights("it is not a dictionary") }
        var names: [String] = []
        var tensors: [String: PickledTensor] = [:]
        for (key, value) in members {
            guard case .text(let name) = key else { throw .notWeights("a key is not a text") }
            guard case .tensor(let index) = value else { throw .notWeights("\(name.quoted) is not a tensor") }
            guard tensors.updateValue(pickle.tensors[index], forKey: name) == nil else {
                throw .notWeights("\(name.quoted) is in it twice")
            }
            names.append(name)
        }
        return (names, tensors)
    }

    public func type(of name: String) -> ElementType? { tensors[name]?.storage.type }

    public func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    /// Reads a tensor of any number type as `Float`, row-major, rounded to nearest where it is wider.
    ///
    /// - Throws: `TorchFileError`, also for a finite number beyond the range of `Float`.
    public func floats(of name: String) throws -> [Float] {
        guard let tensor = tensors[name] else { throw TorchFileError(path, .missingTensor(name)) }
        do {
            let bytes = try bytes(of: tensor.storage)
            return try bytes.withUnsafeBytes { bytes in
                let count = tensor.count
                let elements = tensor.isContiguous ? nil : tensor.gathered(from: bytes)
                let source =
                    elements
                    ?? Array(
                        bytes[(tensor.offset * tensor.storage.type.size)...].prefix(count * tensor.storage.type.size))
                return try source.withUnsafeBytes { source in
                    try [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
                        try tensor.storage.type.convert(source, count: count, tensor: name, into: buffer)
                        initialized = count
                    }
                }
            }
        } catch let failure as TorchFailure {
            throw TorchFileError(path, failure)
        } catch let failure as SafetensorsFailure {
            throw TorchFileError(path, .malformedTensor(name, failure.sentence))
        }
    }

    private func bytes(of storage: PickledStorage) throws -> [UInt8] {
        try recent.withLock { recent in
            if let recent, recent.key == storage.key { return recent.bytes }
            let bytes = try source.bytes(of: storage)
            recent = (storage.key, bytes)
            return bytes
        }
    }
}

extension TorchFile: NamedTensors {
    public func withValues<Result>(
        of name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result
    ) throws -> Result {
        try floats(of: name).withUnsafeBufferPointer(body)
    }
}

/// Where the bytes of storages are.
protocol StorageSource: Sendable {
    /// Bytes of a storage; nil where there is none.
    func size(of storage: PickledStorage) throws -> Int?
    func bytes(of storage: PickledStorage) throws -> [UInt8]
}

extension TorchArchive: StorageSource {
    private static let largestPickle = 16 << 20

    func pickle() throws -> Pickle {
        guard let entry = entries["data.pkl"] else { throw TorchFailure.malformedArchive("it lacks data.pkl") }
        if let order = entries["byteorder"], try contents(of: order, limit: 16) != Array("little".utf8) {
            throw TorchFailure.malformedArchive("its numbers are not little-endian")
        }
        let bytes = try contents(of: entry, limit: Self.largestPickle)
        let pickle = try bytes.withUnsafeBytes { try PickleReader.read($0) }
        guard pickle.end == bytes.count else {
            throw TorchFailure.malformedPickle(at: pickle.end, "something follows its end")
        }
        return pickle
    }

    private func entry(of storage: PickledStorage) -> Entry? { entries["data/\(storage.key)"] }

    func size(of storage: PickledStorage) -> Int? { entry(of: storage)?.bytes.count }

    func bytes(of storage: PickledStorage) throws -> [UInt8] {
        guard let entry = entry(of: storage) else { throw TorchFailure.malformedArchive("a storage is missing") }
        return try contents(of: entry, limit: .max)
    }
}
