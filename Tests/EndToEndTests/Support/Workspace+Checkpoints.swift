import Checkpoints
import Foundation

extension Workspace {
    /// Publishes a checkpoint again with other content, sound as far as checksums tell.
    ///
    /// - Parameters:
    ///   - tensor: changes the values of a tensor, given with the name of its group.
    ///   - document: the new text of a document, given with its name.
    func rewrite(
        _ output: String, step: Int, tensor: (String, MutableTensorView) -> Void = { _, _ in },
        document: (String, String) -> String = { $1 }
    ) throws {
        let reader = try CheckpointReader(path: "\(path)/\(checkpoint(output, step))")
        var buffers: [UnsafeMutableBufferPointer<Float>] = []
        defer { for buffer in buffers { buffer.deallocate() } }
        let groups = try reader.manifest.groups.map { group in
            let views = group.tensors.map { tensor in
                let elements = UnsafeMutableBufferPointer<Float>.allocate(capacity: tensor.elementCount)
                buffers.append(elements)
                return MutableTensorView(name: tensor.name, shape: tensor.shape, elements: elements)
            }
            try reader.read(group: group.name, into: views)
            for view in views { tensor(group.name, view) }
            return TensorGroup(
                name: group.name,
                tensors: views.map {
                    TensorView(name: $0.name, shape: $0.shape, elements: UnsafeBufferPointer($0.elements))
                })
        }
        let documents = try reader.manifest.documents.map {
            CheckpointDocument(
                name: $0.name, text: document($0.name, String(decoding: try reader.document($0.name), as: UTF8.self)))
        }
        try FileManager.default.removeItem(atPath: reader.path)
        try CheckpointWriter(directory: CheckpointDirectory(path: "\(path)/\(output)/checkpoints")).write(
            CheckpointContents(step: step, groups: groups, documents: documents, metadata: reader.manifest.metadata))
    }
}
