import Encoder

/// The tensors of networks with disentangled attention under the names of Hugging Face's DeBERTa-v2 classes.
enum DebertaTensors {
    /// Whether a network's folder holds a `DebertaV2ForMaskedLM`; otherwise a `DebertaV2Model`.
    static func hasHead(_ network: ElectraNetwork) -> Bool { network == .generator }

    /// In the order of the forward pass.
    ///
    /// - Parameter embeddingPrefix: what the engine's names of the network's embeddings begin with.
    static func list(
        _ network: ElectraNetwork, _ model: ModelConfiguration, vocabularySize: Int, embeddingPrefix: String
    ) -> [MappedTensor] {
        let shape = network == .generator ? model.generatorShape : model.discriminatorShape
        let hidden = shape.hiddenSize
        var table = MappedTensorTable(
            network: network, embeddingPrefix: embeddingPrefix, nesting: hasHead(network) ? "deberta." : "")
        table.add("word", "word_embeddings.weight", [vocabularySize, hidden], in: .embeddings)
        if model.positions == .learned {
            table.add("position", "position_embeddings.weight", [model.maximumPositions, hidden], in: .embeddings)
        }
        table.add("token_type", "token_type_embeddings.weight", [2, hidden], in: .embeddings)
        table.norm("norm", "LayerNorm", hidden, in: .embeddings)
        table.add(
            "relative_positions", "encoder.rel_embeddings.weight",
            [RelativePositionBuckets(model.attention).rowCount, hidden], in: .encoder)
        table.norm("relative_norm", "encoder.LayerNorm", hidden, in: .encoder)
        table.layers(
            shape.layerCount, hiddenSize: hidden, feedForwardSize: shape.intermediateSize, projectionEnding: "_proj")
        guard hasHead(network) else { return table.tensors }
        table.linear("dense", "cls.predictions.transform.dense", [hidden, hidden], in: .head)
        // The output table is the word table and stays as it is, so the norm before it takes the factor.
        table.norm("norm", "cls.predictions.transform.LayerNorm", hidden, in: .head, .output)
        table.add("bias", "cls.predictions.bias", [vocabularySize], in: .head)
        return table.tensors
    }
}
