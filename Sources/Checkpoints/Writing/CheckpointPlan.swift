import Foundation

/// Contents that have been checked and laid out in files.
struct CheckpointPlan: Sendable {
    var step: Int
    var metadata: [String: String]
    var groupNames: [String]
    var tensors: [[CheckpointManifest.Tensor]]
    /// The caller's memory, group by group.
    var groups: [ByteSegments]
    var documents: [CheckpointDocument]

    /// - Throws: `CheckpointError.invalidContents`.
    init(_ contents: CheckpointContents) throws {
        step = contents.step
        metadata = contents.metadata
        documents = contents.documents
        groupNames = contents.groups.map(\.name)
        tensors = []
        groups = []
        guard step >= 0 else { throw CheckpointError.invalidContents(reason: "step \(step) is negative") }
        var fileNames: Set<String> = [CheckpointManifest.fileName, CheckpointManifest.checksumsFileName]
        for name in groupNames + documents.map(\.name) {
            guard CheckpointManifest.isPlainName(name) else {
                throw CheckpointError.invalidContents(reason: "\(name.debugDescription) is not a plain file name")
            }
            guard fileNames.insert(name + ".lz4").inserted else {
                throw CheckpointError.invalidContents(reason: "two parts are named \(name)")
            }
        }
        for group in contents.groups {
            var names: Set<String> = []
            var layout: [CheckpointManifest.Tensor] = []
            var bytes = ByteSegments()
            for tensor in group.tensors {
                guard CheckpointManifest.isPrintable(tensor.name) else {
                    throw CheckpointError.invalidContents(
                        reason: "the tensor name \(tensor.name.debugDescription) has control characters")
                }
                guard names.insert(tensor.name).inserted else {
                    throw CheckpointError.invalidContents(
                        reason: "two tensors of \(group.name) are named \(tensor.name)")
                }
                guard CheckpointManifest.Group.bytes(ofShape: tensor.shape) == tensor.elements.count * 4 else {
                    throw CheckpointError.invalidContents(
                        reason: "\(tensor.name) has \(tensor.elements.count) floats, not the shape \(tensor.shape)")
                }
                layout.append(.init(name: tensor.name, shape: tensor.shape, offset: bytes.byteCount))
                // Only ever read through; the type serves reading checkpoints as well.
                bytes.append(
                    UnsafeMutableRawPointer(mutating: tensor.elements.baseAddress),
                    byteCount: tensor.elements.count * 4)
            }
            tensors.append(layout)
            groups.append(bytes)
        }
    }

    /// Upper bound of the checkpoint's size on disk.
    var estimatedBytes: Int {
        let content = groups.reduce(0) { $0 + $1.byteCount } + documents.reduce(0) { $0 + $1.bytes.count }
        let described = tensors.reduce(0) { $0 + $1.count * 200 }
        return content + content / 200 + described + (1 << 20)
    }

    func manifest(files: [CheckpointManifest.File], retention: Retention, created: Date) -> CheckpointManifest {
        let groups = groupNames.indices.map { index in
            CheckpointManifest.Group(name: groupNames[index], storage: files[index], tensors: tensors[index])
        }
        let weights = groups.first { $0.name == TensorGroup.weights }
        return CheckpointManifest(
            format: CheckpointManifest.formatName, version: CheckpointManifest.currentVersion, step: step,
            created: created.formatted(.iso8601), parameters: weights?.elementCount ?? 0,
            weightsSHA256: nil, metadata: metadata, retention: retention,
            groups: groups,
            documents: documents.indices.map {
                .init(name: documents[$0].name, storage: files[groupNames.count + $0])
            })
    }
}
