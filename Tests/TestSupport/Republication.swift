import Checkpoints

extension CheckpointReader {
    /// Writes what is in a checkpoint again, changed, and sound as far as checksums tell.
    ///
    /// - Parameters:
    ///   - tensor: changes the values of a tensor, given with the name of its group.
    ///   - document: the new content of a document, given with its name.
    ///   - clearing: called once everything was read, to make room.
    public func republish(
        to directory: CheckpointDirectory, step: Int, tensor: (String, MutableTensorView) -> Void = { _, _ in },
        document: (String, [UInt8]) throws -> [UInt8] = { $1 }, clearing: () throws -> Void
    ) throws {
        var memory: [UnsafeMutableBufferPointer<Float>] = []
        defer { for buffer in memory { buffer.deallocate() } }
        let groups = try manifest.groups.map { group in
            let views = group.tensors.map { tensor in
                let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: tensor.elementCount)
                memory.append(buffer)
                return MutableTensorView(name: tensor.name, shape: tensor.shape, elements: buffer)
            }
            try read(group: group.name, into: views)
            for view in views { tensor(group.name, view) }
            return TensorGroup(
                name: group.name,
                tensors: views.map {
                    TensorView(name: $0.name, shape: $0.shape, elements: UnsafeBufferPointer($0.elements))
                })
        }
        let documents = try manifest.documents.map {
            CheckpointDocument(name: $0.name, bytes: try document($0.name, try self.document($0.name)))
        }
        try clearing()
        try CheckpointWriter(directory: directory).write(
            CheckpointContents(step: step, groups: groups, documents: documents, metadata: manifest.metadata))
    }
}
