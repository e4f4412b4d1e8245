/// One tensor of a network under both of its names.
public struct MappedTensor: Sendable, Equatable {
    /// Name in this engine, for example `discriminator.layers.0.attention.query.weight`.
    public var engineName: String
    /// Name in Hugging Face's model, for example `electra.encoder.layer.0.attention.self.query.weight`.
    public var huggingFaceName: String
    /// Row-major; a weight of a linear layer is `[out, in]` on both sides.
    public var shape: [Int]
    /// The multiplier that Hugging Face's model lacks, so that it has to be part of this tensor there.
    public var multiplier: Multiplier?

    /// A factor in the engine's forward pass that Hugging Face's models do not have.
    public enum Multiplier: Sendable, Equatable {
        /// On the attention scores, relative to 1/√(head size): part of the query's weight and bias.
        case attention
        /// On the network's output before the output bias: part of what the output table or row is multiplied with.
        case output
    }
}

/// Tensors of a network, listed in the order of the forward pass under names with the prefixes of their part.
struct MappedTensorTable {
    enum Part {
        case embeddings, encoder, head
        /// Of the main encoder, beside or in place of the one that detects.
        case languageHead
        case layer(Int)
    }

    let network: ElectraNetwork
    let embeddingPrefix: String
    /// What Hugging Face's names of the encoder's tensors begin with.
    let nesting: String
    var tensors: [MappedTensor] = []

    private func prefixes(_ part: Part) -> (engine: String, huggingFace: String) {
        switch part {
        case .embeddings: (embeddingPrefix, nesting + "embeddings.")
        case .encoder: ("\(network.rawValue).", nesting)
        case .layer(let index): ("\(network.rawValue).layers.\(index).", nesting + "encoder.layer.\(index).")
        case .head: ("\(network.rawValue).head.", "")
        case .languageHead: ("\(network.rawValue).language_head.", "")
        }
    }

    mutating func add(
        _ name: String, _ huggingFaceName: String, _ shape: [Int], in part: Part,
        _ multiplier: MappedTensor.Multiplier? = nil
    ) {
        let prefix = prefixes(part)
        tensors.append(
            MappedTensor(
                engineName: prefix.engine + name, huggingFaceName: prefix.huggingFace + huggingFaceName, shape: shape,
                multiplier: multiplier))
    }

    mutating func linear(
        _ name: String, _ huggingFaceName: String, _ shape: [Int], in part: Part,
        _ multiplier: MappedTensor.Multiplier? = nil
    ) {
        add("\(name).weight", "\(huggingFaceName).weight", shape, in: part, multiplier)
        add("\(name).bias", "\(huggingFaceName).bias", [shape[0]], in: part, multiplier)
    }

    mutating func norm(
        _ name: String, _ huggingFaceName: String, _ size: Int, in part: Part,
        _ multiplier: MappedTensor.Multiplier? = nil
    ) {
        add("\(name).gain", "\(huggingFaceName).weight", [size], in: part, multiplier)
        add("\(name).bias", "\(huggingFaceName).bias", [size], in: part, multiplier)
    }

    /// BERT's layers, as ELECTRA and DeBERTa have them.
    ///
    /// - Parameter ending: of the names of queries, keys and values.
    mutating func layers(
        _ count: Int, hiddenSize hidden: Int, feedForwardSize: Int, projectionEnding ending: String = ""
    ) {
        for index in 0..<count {
            let layer = Part.layer(index)
            linear("attention.query", "attention.self.query\(ending)", [hidden, hidden], in: layer, .attention)
            linear("attention.key", "attention.self.key\(ending)", [hidden, hidden], in: layer)
            linear("attention.value", "attention.self.value\(ending)", [hidden, hidden], in: layer)
            linear("attention.output", "attention.output.dense", [hidden, hidden], in: layer)
            norm("attention.norm", "attention.output.LayerNorm", hidden, in: layer)
            linear("feed_forward.input", "intermediate.dense", [feedForwardSize, hidden], in: layer)
            linear("feed_forward.output", "output.dense", [hidden, feedForwardSize], in: layer)
            norm("feed_forward.norm", "output.LayerNorm", hidden, in: layer)
        }
    }
}
