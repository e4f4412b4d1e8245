import Encoder

/// The names of a classifier's tensors on both sides.
extension Classifier {
    /// As `ElectraForSequenceClassification` and its kin have them.
    package var electraTensors: [MappedTensor] {
        electraShape.tensors(of: .discriminator).filter { !$0.engineName.hasPrefix("discriminator.head.") }
            + headTensors(head.electraNames)
    }

    /// As `PretrainForSequenceClassification` and its kin in `modeling_pretrain.py` has them.
    package var customCodeTensors: [MappedTensor] {
        // An encoder alone is not nested in a model with a head.
        let nesting = head == .vectors ? "" : "encoder."
        let tables: Set = ["embeddings.word", "embeddings.position", "embeddings.token_type"]
        return parameters.names.filter { !$0.hasPrefix("task.") }.map { name in
            var other = name.hasPrefix("discriminator.") ? String(name.dropFirst("discriminator.".count)) : name
            if tables.contains(name) { other += ".weight" }
            if other.hasSuffix(".gain") { other = other.dropLast("gain".count) + "weight" }
            return MappedTensor(
                engineName: name, huggingFaceName: nesting + other, shape: parameters.shape(of: name) ?? [])
        } + headTensors(head.customCodeNames)
    }

    /// The head's; all classes have its biases always.
    private func headTensors(_ names: (dense: String, output: String)) -> [MappedTensor] {
        if head == .vectors { return [] }
        let width = configuration.model.hiddenSize
        func linear(_ name: String, _ other: String, rows: Int) -> [MappedTensor] {
            [
                MappedTensor(engineName: "\(name).weight", huggingFaceName: "\(other).weight", shape: [rows, width]),
                MappedTensor(engineName: "\(name).bias", huggingFaceName: "\(other).bias", shape: [rows]),
            ]
        }
        return (head.readsTokens ? [] : linear("task.dense", names.dense, rows: width))
            + linear("task.output", names.output, rows: outputCount)
    }

    var electraShape: ElectraShape {
        ElectraShape(
            vocabularySize: tokenizer.vocabularySize, embeddingSize: configuration.model.embeddingSize,
            positionCount: configuration.model.maximumPositions, hasDetectionHead: head != .vectors,
            discriminator: electraSizes, generator: nil)
    }

    var electraSizes: ElectraShape.Network {
        let shape = configuration.model.discriminatorShape
        return ElectraShape.Network(
            hiddenSize: shape.hiddenSize, feedForwardSize: shape.intermediateSize, headCount: shape.headCount,
            layerCount: layerCount)
    }

    /// The parameters, with zeros for the biases that a model without them would have.
    ///
    /// - Throws: `ExportError` where a tensor is missing, has another shape, or has no place.
    func completed(for tensors: [MappedTensor]) throws -> TensorDictionary {
        var complete = parameters
        for tensor in tensors {
            let name = tensor.engineName
            if let found = complete.tensors[name]?.shape {
                guard found == tensor.shape else {
                    throw ExportError.wrongShape(name, expected: tensor.shape, found: found)
                }
            } else if !configuration.model.biases, name.hasSuffix(".bias") {
                complete.tensors[name] = .init(
                    shape: tensor.shape, values: [Float](repeating: 0, count: tensor.shape.reduce(1, *)))
            } else {
                throw ExportError.missingParameter(name)
            }
        }
        if let extra = Set(complete.names).subtracting(tensors.map(\.engineName)).sorted().first {
            throw ExportError.unexpectedParameter(extra)
        }
        return complete
    }
}
