import Formatting
import Foundation

/// Opens a checkpoint and reads from it. Everything that is read is verified; a checkpoint is hostile until then.
public struct CheckpointReader: Sendable {
    /// The checkpoint's directory.
    public let path: String
    public let manifest: CheckpointManifest
    let limits: ReadingLimits

    /// Reads and checks the manifest and the size of every file, but no content yet.
    ///
    /// - Throws: `CheckpointError`: `.damaged` or `.unsupportedVersion` for what is in the directory, `.system`
    ///   for what the operating system refuses.
    public init(path: String, limits: ReadingLimits = ReadingLimits()) throws {
        self.path = path
        self.limits = limits
        let manifestPath = "\(path)/\(CheckpointManifest.fileName)"
        let json = try InputFile(opening: manifestPath).contents(limit: limits.manifestBytes)
        manifest = try CheckpointManifest.parse(json, path: manifestPath)
        let digest = json.withUnsafeBytes { SHA256Hasher.digest($0) }
        let checksums = Array(manifest.checksums(manifestSHA256: digest).utf8)
        let checksumsPath = "\(path)/\(CheckpointManifest.checksumsFileName)"
        guard try InputFile(opening: checksumsPath).contents(limit: limits.manifestBytes) == checksums else {
            throw CheckpointError.damaged(
                path: checksumsPath, reason: "it contradicts \(CheckpointManifest.fileName); one of them was changed")
        }
        for file in manifest.files { _ = try open(file) }
    }

    /// Opens a checkpoint whose manifest is known, and need not lie in its directory.
    ///
    /// - Throws: what reading it there throws.
    package init(path: String, manifest: CheckpointManifest, limits: ReadingLimits = ReadingLimits()) throws {
        self.path = path
        self.limits = limits
        self.manifest = manifest
        do {
            try manifest.validate()
        } catch let flaw as ManifestFlaw {
            throw CheckpointError.damaged(path: "\(path)/\(CheckpointManifest.fileName)", reason: flaw.reason)
        }
        for file in manifest.files { _ = try open(file) }
    }

    /// Opens the newest checkpoint of what a path on the command line stands for, see `CheckpointLocation`.
    public init(newestOf path: String) throws { try self.init(path: CheckpointLocation(resolving: path).newest()) }

    /// Reads a group into the caller's memory, on all cores.
    ///
    /// - Parameters:
    ///   - group: such as `TensorGroup.weights`.
    ///   - destinations: every tensor of the group, in any order.
    /// - Throws: `CheckpointError.mismatch` before anything is read if names or shapes differ, naming the first
    ///   that does; `.damaged` if the content is not what was written, after which the memory holds garbage.
    public func read(
        group name: String, into destinations: [MutableTensorView],
        threads: Int = ProcessInfo.processInfo.activeProcessorCount
    ) throws {
        try read([name: destinations], threads: threads)
    }

    /// Reads several groups at once, which uses the cores better than one after another.
    public func read(
        _ destinations: [String: [MutableTensorView]], threads: Int = ProcessInfo.processInfo.activeProcessorCount
    ) throws {
        var targets: [FileDecoder.Target] = []
        for name in destinations.keys.sorted() {
            guard let group = manifest.group(name) else {
                throw CheckpointError.mismatch(path: path, reason: "it holds no tensors named \(name)")
            }
            let bytes = try match(group, destinations[name] ?? [])
            targets.append(.init(input: try open(group.storage), file: group.storage, destination: bytes))
        }
        try FileDecoder.decode(targets, threads: threads)
    }

    /// Reads one document.
    public func document(_ name: String) throws -> [UInt8] {
        guard let document = manifest.document(name) else {
            throw CheckpointError.mismatch(path: path, reason: "it holds no document named \(name)")
        }
        let file = document.storage
        let filePath = "\(path)/\(file.file)"
        // LZ4 cannot shrink anything below 1/255: a larger promise is a lie, found before memory is spent on it.
        guard file.bytes <= limits.documentBytes, file.bytes / 255 <= file.storedBytes else {
            throw CheckpointError.damaged(path: filePath, reason: "it claims to hold \(ByteFormat.text(file.bytes))")
        }
        var bytes = [UInt8](repeating: 0, count: file.bytes)
        try bytes.withUnsafeMutableBytes { memory in
            var destination = ByteSegments()
            destination.append(memory.baseAddress, byteCount: memory.count)
            try FileDecoder.decode(
                [.init(input: try open(file), file: file, destination: destination)], threads: 1)
        }
        return bytes
    }

    /// Decodes every file and checks every checksum, without keeping anything.
    ///
    /// - Throws: `CheckpointError.damaged`, naming the first file at fault.
    public func verify(threads: Int = ProcessInfo.processInfo.activeProcessorCount) throws {
        let targets = try manifest.files.map { FileDecoder.Target(input: try open($0), file: $0, destination: nil) }
        try FileDecoder.decode(targets, threads: threads, everyChecksum: true)
    }

    /// SHA-256 over the raw little-endian floats of the group `weights` in the order of its tensors, which names a model
    /// whatever format it is stored in; nil without that group. Reads the group unless it is recorded.
    ///
    /// - Throws: `CheckpointError.damaged`.
    public func weightsSHA256(threads: Int = ProcessInfo.processInfo.activeProcessorCount) throws -> String? {
        guard manifest.weightsSHA256 == nil, let file = manifest.group(TensorGroup.weights)?.storage else {
            return manifest.weightsSHA256
        }
        let target = FileDecoder.Target(input: try open(file), file: file, destination: nil, hashesContent: true)
        return try FileDecoder.decode([target], threads: threads)[0]
    }

    private func open(_ file: CheckpointManifest.File) throws -> InputFile {
        let input = try InputFile(opening: "\(path)/\(file.file)")
        guard input.byteCount == file.storedBytes else {
            throw CheckpointError.damaged(
                path: input.path,
                reason: "\(input.byteCount) bytes, \(CheckpointManifest.fileName) says \(file.storedBytes)")
        }
        return input
    }

    /// The caller's memory in the order of the file.
    private func match(
        _ group: CheckpointManifest.Group, _ destinations: [MutableTensorView]
    ) throws -> ByteSegments {
        func mismatch(_ reason: String) -> CheckpointError {
            .mismatch(path: "\(path)/\(group.storage.file)", reason: reason)
        }
        var views: [String: MutableTensorView] = [:]
        for view in destinations {
            guard views.updateValue(view, forKey: view.name) == nil else {
                throw CheckpointError.invalidContents(reason: "two tensors named \(view.name) to read into")
            }
        }
        var bytes = ByteSegments()
        for tensor in group.tensors {
            guard let view = views.removeValue(forKey: tensor.name) else {
                throw mismatch("it holds the tensor \(tensor.name), which this model does not have")
            }
            guard view.shape == tensor.shape, view.elements.count == tensor.elementCount else {
                throw mismatch("\(tensor.name) has the shape \(tensor.shape), this model needs \(view.shape)")
            }
            bytes.append(UnsafeMutableRawPointer(view.elements.baseAddress), byteCount: view.elements.count * 4)
        }
        if let missing = destinations.first(where: { views[$0.name] != nil }) {
            throw mismatch("it lacks the tensor \(missing.name), which this model has")
        }
        return bytes
    }
}
