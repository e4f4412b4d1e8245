extension ElectraShape {
    /// All tensors of a network, the shared embeddings included, in the order of the forward pass.
    ///
    /// Empty if the network does not take part.
    public func tensors(of network: ElectraNetwork) -> [MappedTensor] {
        guard let sizes = networks[network] else { return [] }
        // An encoder alone is not nested in a model with a head.
        let nesting = architecture(of: network) == Self.encoderAlone ? "" : "electra."
        var table = MappedTensorTable(network: network, embeddingPrefix: embeddingPrefixes[network], nesting: nesting)
        let hidden = sizes.hiddenSize

        table.add("word", "word_embeddings.weight", [vocabularySize, embeddingSize], in: .embeddings)
        table.add("position", "position_embeddings.weight", [positionCount, embeddingSize], in: .embeddings)
        table.add("token_type", "token_type_embeddings.weight", [tokenTypeCount, embeddingSize], in: .embeddings)
        table.norm("norm", "LayerNorm", embeddingSize, in: .embeddings)
        if embeddingSize != hidden {
            table.linear("projection", "embeddings_project", [hidden, embeddingSize], in: .encoder)
        }
        table.layers(sizes.layerCount, hiddenSize: hidden, feedForwardSize: sizes.feedForwardSize)
        switch network {
        case .discriminator where hasDetectionHead:
            table.linear("dense", "discriminator_predictions.dense", [hidden, hidden], in: .head)
            // The bias is added after the multiplication.
            table.add(
                "output.weight", "discriminator_predictions.dense_prediction.weight", [1, hidden], in: .head, .output)
            table.add("output.bias", "discriminator_predictions.dense_prediction.bias", [1], in: .head)
        case .discriminator where hasLanguageHead:
            languageHead(&table, hidden, in: .languageHead, isTied: true)
        case .discriminator: break
        case .generator:
            languageHead(&table, hidden, in: .head, isTied: outputIsTied)
        }
        return table.tensors
    }

    private func languageHead(
        _ table: inout MappedTensorTable, _ hidden: Int, in part: MappedTensorTable.Part, isTied: Bool
    ) {
        table.linear("dense", "generator_predictions.dense", [embeddingSize, hidden], in: part)
        // A tied output table must stay as it is, so the norm before it takes the factor.
        table.norm("norm", "generator_predictions.LayerNorm", embeddingSize, in: part, .output)
        if !isTied {
            table.add("output.weight", "generator_lm_head.weight", [vocabularySize, embeddingSize], in: part)
        }
        table.add("bias", "generator_lm_head.bias", [vocabularySize], in: part)
    }

    /// Names of all tensors of the networks that take part.
    public var engineNames: Set<String> {
        Set(ElectraNetwork.allCases.flatMap { tensors(of: $0) }.map(\.engineName))
    }
}
