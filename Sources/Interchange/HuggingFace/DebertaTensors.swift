import Encoder

/// The tensors of networks with disentangled attention under the names of Hugging Face's DeBERTa-v2 classes.
enum DebertaTensors {
    /// In the order of the forward pass.
    ///
    /// - Parameters:
    ///   - hasHead: whether it is a `DebertaV2ForMaskedLM`; otherwise a `DebertaV2Model`.
    ///   - embeddingPrefix: what the engine's names of the network's embeddings begin with.
    static func list(
        _ network: ElectraNetwork, _ model: ModelConfiguration, hasHead: Bool, vocabularySize: Int,
        embeddingPrefix: String
    ) -> [MappedTensor] {
        let shape = network == .generator ? model.generatorShape : model.discriminatorShape
        let hidden = shape.hiddenSize
        var table = MappedTensorTable(
            network: network, embeddingPrefix: embeddingPrefix, nesting: hasHead ? "deberta." : "")
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
        guard hasHead else { return table.tensors }
        let part = network == .generator ? MappedTensorTable.Part.head : .languageHead
        table.linear("dense", "cls.predictions.transform.dense", [hidden, hidden], in: part)
        // The output table is the word table and stays as it is, so the norm before it takes the factor.
        table.norm("norm", "cls.predictions.transform.LayerNorm", hidden, in: part, .output)
        table.add("bias", "cls.predictions.bias", [vocabularySize], in: part)
        return table.tensors
    }
}
