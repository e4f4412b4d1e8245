import Encoder

/// The encoder whose weights the fixtures of whole tasks have.
enum TinyEncoder {
    /// - Parameter dropout: nil leaves what is usual.
    static func configuration(layers: Int, dropout: Double? = nil) -> ModelConfiguration {
        var model = ModelConfiguration()
        model.hiddenSize = 16
        model.headCount = 2
        model.layerCount = layers
        model.intermediateSize = 24
        model.embeddingSize = 8
        model.maximumPositions = 16
        if let dropout { (model.dropout, model.attentionDropout) = (dropout, dropout) }
        return model
    }
}
