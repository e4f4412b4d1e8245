import Checkpoints
import Foundation
import Pretraining

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

    /// Writes a manifest for made-up weights: one frame of theirs, of the kind that their last byte chooses.
    static func describe(_ folder: String, weights: UnsafeRawBufferPointer) throws {
        var manifest = try JSONDecoder().decode(
            CheckpointManifest.self, from: try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(template)")))
        var storage = manifest.groups[0].storage
        storage.storedBytes = weights.count
        storage.storedSHA256 = SHA256Hasher.digest(weights)
        storage.frames[0].storedBytes = weights.count
        let choice = Int(weights.last ?? 0)
        storage.frames[0].exponent = choice
        storage.transform = TensorTransform.allCases[choice % TensorTransform.allCases.count]
        manifest.groups[0].storage = storage
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = try encoder.encode(manifest)
        try text.write(to: URL(fileURLWithPath: "\(folder)/\(CheckpointManifest.fileName)"))
        try text.withUnsafeBytes { try seal(folder, manifest: $0) }
    }

    /// Reads all that a checkpoint says it has.
    static func read(_ folder: String) throws {
        let reader = try CheckpointReader(path: folder)
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
        _ = try? TrainingCheckpoint.documents(reader)
        _ = try? reader.weightsSHA256(threads: 1)
        try reader.verify(threads: 1)
    }
}
