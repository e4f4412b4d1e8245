import Files
import Foundation

/// Writes a safetensors file tensor by tensor, so that memory never holds more than one of them.
///
/// The file appears under its name only when it is complete: it is written beside, flushed to the disk and renamed.
/// A writer that is dropped before `finish()` leaves nothing behind.
///
///     let writer = try SafetensorsWriter(path: path, tensors: [("weight", .float32, [2, 3])])
///     try writer.append(values)
///     try writer.finish()
public final class SafetensorsWriter {
    public let path: String
    public let header: SafetensorsHeader
    private var file: FileDescriptor?
    private var nextIndex = 0

    /// Creates the file and writes its header.
    ///
    /// - Parameters:
    ///   - path: Where the file is to appear; a file of that name is replaced at the end.
    ///   - tensors: Name, type and shape of every tensor, in the order in which they will be appended.
    ///   - metadata: Free text for readers. Hugging Face's loaders want `format` to be `pt`.
    /// - Throws: `SafetensorsError` for two equal names or sizes that overflow, `FileFailure` from the file system.
    public init(
        path: String, tensors: [(name: String, type: ElementType, shape: [Int])],
        metadata: [String: String] = ["format": "pt"]
    ) throws {
        self.path = path
        let (header, text) = try locating(path) { () throws(SafetensorsFailure) in
            let header = try SafetensorsHeader(laying: tensors, metadata: metadata)
            return (header, try header.encoded())
        }
        self.header = header
        let file = try FileDescriptor.createPartial(besides: path)
        self.file = file
        try text.withUnsafeBytes { try file.write($0) }
    }

    deinit { if let file { unlink(file.path) } }

    /// Appends the next tensor's elements, which must be of its type and as many as its shape says.
    public func append(_ elements: UnsafeRawBufferPointer) throws {
        guard let file, nextIndex < header.tensors.count else {
            throw SafetensorsError(path, .misuse("a tensor more was appended than declared"))
        }
        let entry = header.tensors[nextIndex]
        guard elements.count == entry.bytes.count else {
            throw SafetensorsError(
                path, .wrongSize(tensor: entry.name, shape: entry.shape, type: entry.type, bytes: elements.count))
        }
        try file.write(elements)
        nextIndex += 1
    }

    /// Appends the next tensor, which must have been declared as F32.
    public func append(_ values: UnsafeBufferPointer<Float>) throws {
        try append(.float32, UnsafeRawBufferPointer(values))
    }

    /// Appends the next tensor, which must have been declared as F32.
    public func append(_ values: [Float]) throws { try values.withUnsafeBufferPointer { try append($0) } }

    /// Appends the next tensor, rounded to the type of 16 bits that it has been declared as, or as it is if that is F32.
    ///
    /// - Throws: `SafetensorsError.Problem.valueOutOfRange` for a finite number that the type does not reach.
    public func append(rounding values: UnsafeBufferPointer<Float>) throws {
        guard nextIndex < header.tensors.count, header.tensors[nextIndex].type != .float32 else {
            return try append(values)
        }
        let entry = header.tensors[nextIndex]
        var rounded: [UInt16] = []
        rounded.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            guard let bits = entry.type.rounded(value) else {
                throw SafetensorsError(
                    path, .valueOutOfRange(tensor: entry.name, index: index, wanted: entry.type.rawValue))
            }
            rounded.append(bits.littleEndian)
        }
        try rounded.withUnsafeBytes { try append(entry.type, $0) }
    }

    /// Appends the next tensor, which must have been declared as I32.
    public func append(_ values: [Int32]) throws { try values.withUnsafeBytes { try append(.signed32, $0) } }

    private func append(_ type: ElementType, _ elements: UnsafeRawBufferPointer) throws {
        if nextIndex < header.tensors.count, header.tensors[nextIndex].type != type {
            let entry = header.tensors[nextIndex]
            throw SafetensorsError(
                path, .unsuitableType(tensor: entry.name, type: entry.type, wanted: type.rawValue))
        }
        try append(elements)
    }

    /// Publishes the file.
    public func finish() throws {
        guard let file else { throw SafetensorsError(path, .misuse("the file was finished twice")) }
        guard nextIndex == header.tensors.count else {
            let name = header.tensors[nextIndex].name
            throw SafetensorsError(path, .misuse("tensor \(name.quoted) was declared and not appended"))
        }
        try file.synchronize()
        _ = try check("rename to", path) { rename(file.path, path) }
        self.file = nil
        let folder = PathParts.folder(of: path)
        try FileDescriptor.synchronizeFolder(folder.isEmpty ? "." : folder)
    }
}
