import Encoder

/// The encoder whose weights the fixtures of whole tasks have.
enum TinyEncoder {
    static func configuration(layers: Int, dropout: Double) -> ModelConfiguration {
        var model = ModelConfiguration()
        model.hiddenSize = 16
        model.headCount = 2
        model.layerCount = layers
        model.intermediateSize = 24
        model.embeddingSize = 8
        model.maximumPositions = 16
        model.dropout = dropout
        model.attentionDropout = dropout
        return model
    }
}
