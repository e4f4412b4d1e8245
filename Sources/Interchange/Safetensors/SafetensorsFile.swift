import Files
import Foundation

/// A safetensors file that is open for reading.
///
/// Opening reads and checks the header only; tensors are read when asked for, with `pread`, so that memory holds no
/// more than what was asked for and a file that shrinks meanwhile is an error rather than a bus error.
public final class SafetensorsFile: Sendable {
    public let path: String
    public let header: SafetensorsHeader
    private let file: FileDescriptor
    private let dataOffset: Int
    private let indices: [String: Int]

    /// - Throws: `FileFailure` if the file cannot be read, `SafetensorsError` if it is not what the format says.
    public init(path: String) throws {
        self.path = path
        let file = try FileDescriptor.openForReading(path)
        let size = try file.regularFileSize()

        var length: UInt64 = 0
        let prefix = try withUnsafeMutableBytes(of: &length) { try file.read(into: $0, at: 0) }
        guard prefix == 8 else { throw SafetensorsError(path, .noHeader(size: prefix)) }
        length = UInt64(littleEndian: length)
        guard size >= 8, length <= UInt64(min(size - 8, SafetensorsHeader.maximumLength)) else {
            throw SafetensorsError(path, .headerLength(length, available: max(size - 8, 0)))
        }

        var text = [UInt8](repeating: 0, count: Int(length))
        let count = try text.withUnsafeMutableBytes { try file.read(into: $0, at: 8) }
        guard count == text.count else { throw SafetensorsError(path, .headerLength(length, available: count)) }
        let dataLength = size - 8 - text.count
        let header = try text.withUnsafeBufferPointer { text throws(SafetensorsError) in
            try locating(path) { () throws(SafetensorsFailure) in
                try SafetensorsHeader(parsing: text, dataLength: dataLength)
            }
        }
        self.file = file
        self.header = header
        dataOffset = size - dataLength
        indices = Dictionary(uniqueKeysWithValues: header.tensors.enumerated().map { ($1.name, $0) })
    }

    /// The entry of a tensor, or nil if there is none of that name.
    public func entry(_ name: String) -> SafetensorsHeader.Tensor? { indices[name].map { header.tensors[$0] } }

    /// Reads a tensor's bytes as they are in the file (little-endian).
    public func bytes(of name: String) throws -> [UInt8] {
        let entry = try require(name)
        return try [UInt8](unsafeUninitializedCapacity: entry.bytes.count) { buffer, count in
            try read(entry, into: UnsafeMutableRawBufferPointer(buffer))
            count = entry.bytes.count
        }
    }

    func require(_ name: String) throws -> SafetensorsHeader.Tensor {
        guard let entry = entry(name) else { throw SafetensorsError(path, .missingTensor(name)) }
        return entry
    }

    func read(_ entry: SafetensorsHeader.Tensor, into buffer: UnsafeMutableRawBufferPointer) throws {
        let count = try file.read(into: buffer, at: dataOffset + entry.bytes.lowerBound)
        guard count == entry.bytes.count else {
            throw SafetensorsError(path, .truncatedWhileReading(tensor: entry.name))
        }
    }
}

extension SafetensorsFile: NamedTensors {
    /// Names in the order of the tensors' bytes in the file.
    public var names: [String] { header.tensors.map(\.name) }

    public func shape(of name: String) -> [Int]? { entry(name)?.shape }

    public func withValues<Result>(
        of name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result
    ) throws -> Result {
        try floats(of: name).withUnsafeBufferPointer(body)
    }
}
