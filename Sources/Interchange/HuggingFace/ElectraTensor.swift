/// One tensor of a network under both of its names.
public struct ElectraTensor: Sendable, Equatable {
    /// Name in this engine, for example `discriminator.layers.0.attention.query.weight`.
    public var engineName: String
    /// Name in Hugging Face's model, for example `electra.encoder.layer.0.attention.self.query.weight`.
    public var huggingFaceName: String
    /// Row-major; a weight of a linear layer is `[out, in]` on both sides.
    public var shape: [Int]
    /// The multiplier that Hugging Face's model lacks, so that it has to be part of this tensor there.
    public var multiplier: Multiplier?

    /// A factor in the engine's forward pass that Hugging Face's ELECTRA does not have.
    public enum Multiplier: Sendable, Equatable {
        /// On the attention scores, relative to 1/√(head size): part of the query's weight and bias.
        case attention
        /// On the network's output before the output bias: part of what the output table or row is multiplied with.
        case output
    }
}

extension ElectraShape {
    /// All tensors of a network, the shared embeddings included, in the order of the forward pass.
    ///
    /// Empty if the network does not take part.
    public func tensors(of network: ElectraNetwork) -> [ElectraTensor] {
        guard let sizes = networks[network] else { return [] }
        // An encoder alone is not nested in a model with a head.
        let nesting = architecture(of: network) == Self.encoderAlone ? "" : "electra."
        var table = Table(network: network, embeddingPrefix: embeddingPrefixes[network], nesting: nesting)
        let hidden = sizes.hiddenSize

        table.add("word", "word_embeddings.weight", [vocabularySize, embeddingSize], in: .embeddings)
        table.add("position", "position_embeddings.weight", [positionCount, embeddingSize], in: .embeddings)
        table.add("token_type", "token_type_embeddings.weight", [tokenTypeCount, embeddingSize], in: .embeddings)
        table.norm("norm", "LayerNorm", embeddingSize, in: .embeddings)
        if embeddingSize != hidden {
            table.linear("projection", "embeddings_project", [hidden, embeddingSize], in: .encoder)
        }
        for index in 0..<sizes.layerCount {
            let layer = Table.Part.layer(index)
            table.linear("attention.query", "attention.self.query", [hidden, hidden], in: layer, .attention)
            table.linear("attention.key", "attention.self.key", [hidden, hidden], in: layer)
            table.linear("attention.value", "attention.self.value", [hidden, hidden], in: layer)
            table.linear("attention.output", "attention.output.dense", [hidden, hidden], in: layer)
            table.norm("attention.norm", "attention.output.LayerNorm", hidden, in: layer)
            table.linear("feed_forward.input", "intermediate.dense", [sizes.feedForwardSize, hidden], in: layer)
            table.linear("feed_forward.output", "output.dense", [hidden, sizes.feedForwardSize], in: layer)
            table.norm("feed_forward.norm", "output.LayerNorm", hidden, in: layer)
        }
        switch network {
        case .discriminator where !hasDetectionHead: break
        case .discriminator:
            table.linear("dense", "discriminator_predictions.dense", [hidden, hidden], in: .head)
            // The bias is added after the multiplication.
            table.add(
                "output.weight", "discriminator_predictions.dense_prediction.weight", [1, hidden], in: .head, .output)
            table.add("output.bias", "discriminator_predictions.dense_prediction.bias", [1], in: .head)
        case .generator:
            table.linear("dense", "generator_predictions.dense", [embeddingSize, hidden], in: .head)
            // A tied output table must stay as it is, so the norm before it takes the factor.
            table.norm("norm", "generator_predictions.LayerNorm", embeddingSize, in: .head, .output)
            if !outputIsTied {
                table.add("output.weight", "generator_lm_head.weight", [vocabularySize, embeddingSize], in: .head)
            }
            table.add("bias", "generator_lm_head.bias", [vocabularySize], in: .head)
        }
        return table.tensors
    }

    /// Names of all tensors of the networks that take part.
    public var engineNames: Set<String> {
        Set(ElectraNetwork.allCases.flatMap { tensors(of: $0) }.map(\.engineName))
    }
}

private struct Table {
    enum Part {
        case embeddings, encoder, head
        case layer(Int)
    }

    let network: ElectraNetwork
    let embeddingPrefix: String
    /// What Hugging Face's names of the encoder's tensors begin with.
    let nesting: String
    var tensors: [ElectraTensor] = []

    private func prefixes(_ part: Part) -> (engine: String, huggingFace: String) {
        switch part {
        case .embeddings: (embeddingPrefix, nesting + "embeddings.")
        case .encoder: ("\(network.rawValue).", nesting)
        case .layer(let index): ("\(network.rawValue).layers.\(index).", nesting + "encoder.layer.\(index).")
        case .head: ("\(network.rawValue).head.", "")
        }
    }

    mutating func add(
        _ name: String, _ huggingFaceName: String, _ shape: [Int], in part: Part,
        _ multiplier: ElectraTensor.Multiplier? = nil
    ) {
        let prefix = prefixes(part)
        tensors.append(
            ElectraTensor(
                engineName: prefix.engine + name, huggingFaceName: prefix.huggingFace + huggingFaceName, shape: shape,
                multiplier: multiplier))
    }

    mutating func linear(
        _ name: String, _ huggingFaceName: String, _ shape: [Int], in part: Part,
        _ multiplier: ElectraTensor.Multiplier? = nil
    ) {
        add("\(name).weight", "\(huggingFaceName).weight", shape, in: part, multiplier)
        add("\(name).bias", "\(huggingFaceName).bias", [shape[0]], in: part, multiplier)
    }

    mutating func norm(
        _ name: String, _ huggingFaceName: String, _ size: Int, in part: Part,
        _ multiplier: ElectraTensor.Multiplier? = nil
    ) {
        add("\(name).gain", "\(huggingFaceName).weight", [size], in: part, multiplier)
        add("\(name).bias", "\(huggingFaceName).bias", [size], in: part, multiplier)
    }
}
