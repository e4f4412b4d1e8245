import Checkpoints
import Foundation
import Pretraining
import Synchronization

/// Checkpoints of which one file is made up, and whose checksums fit all the same: else nothing behind them would ever be reached.
enum FuzzedCheckpoint {
    /// The manifest that others are made of.
    static let template = "manifest.json.template"

    /// Writes the checksums that go with a made-up manifest, where it can be read at all.
    ///
    /// - Parameter folder: where it lies.
    static func seal(_ folder: String, manifest: UnsafeRawBufferPointer) throws {
        var lines = "\(SHA256Hasher.digest(manifest))  \(CheckpointManifest.fileName)\n"
        let parsed = try JSONDecoder().decode(CheckpointManifest.self, from: Data(manifest))
        for file in parsed.files { lines += "\(file.storedSHA256)  \(file.file)\n" }
        try lines.write(
            toFile: "\(folder)/\(CheckpointManifest.checksumsFileName)", atomically: false, encoding: .utf8)
    }

    /// Opens made-up weights: one frame of theirs, of the kind that their last byte chooses, and nothing else, which other kinds
    /// of files are made up for.
    static func open(_ folder: String, weights: UnsafeRawBufferPointer) throws -> CheckpointReader {
        var manifest = try template(in: folder)
        var storage = manifest.groups[0].storage
        storage.storedBytes = weights.count
        storage.storedSHA256 = SHA256Hasher.digest(weights)
        storage.frames[0].storedBytes = weights.count
        let choice = Int(weights.last ?? 0)
        storage.frames[0].exponent = choice
        storage.transform = TensorTransform.allCases[choice % TensorTransform.allCases.count]
        manifest.groups[0].storage = storage
        return try CheckpointReader(path: folder, manifest: manifest)
    }

    /// The manifest that others are made of, without all but its first group: read once, as it is the same for all.
    private static func template(in folder: String) throws -> CheckpointManifest {
        try templates.withLock { templates in
            if let known = templates[folder] { return known }
            var manifest = try JSONDecoder().decode(
                CheckpointManifest.self, from: try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(template)")))
            manifest.documents = []
            manifest.groups = [manifest.groups[0]]
            templates[folder] = manifest
            return manifest
        }
    }

    private static let templates = Mutex<[String: CheckpointManifest]>([:])

    /// Reads all that a checkpoint says it has.
    static func read(_ reader: CheckpointReader) throws {
        // Each by itself, as what is wrong with one says nothing of the others.
        for document in reader.manifest.documents { _ = try? reader.document(document.name) }
        for group in reader.manifest.groups where group.elementCount <= 1 << 20 {
            let floats = UnsafeMutableBufferPointer<Float>.allocate(capacity: group.elementCount)
            defer { floats.deallocate() }
            var start = 0
            let views = group.tensors.map { tensor in
                defer { start += tensor.elementCount }
                return MutableTensorView(
                    name: tensor.name, shape: tensor.shape,
                    elements: UnsafeMutableBufferPointer(rebasing: floats[start..<start + tensor.elementCount]))
            }
            try? reader.read(group: group.name, into: views, threads: 1)
        }
        if !reader.manifest.documents.isEmpty {
            _ = try? TrainingCheckpoint.documents(reader)
            _ = try? reader.weightsSHA256(threads: 1)
        }
        try reader.verify(threads: 1)
    }
}
