import Encoder
import Pretraining
import Tokenization

/// A model that trains within milliseconds, for tests that need one and care little which.
public enum SmallModel {
    public static let special = SpecialTokens(padding: 0, unknown: 1, classification: 2, separator: 3, mask: 4)
    public static let vocabulary = 61

    /// - Parameter change: what the test is about.
    public static func configuration(_ change: (inout RunConfiguration) -> Void = { _ in }) -> RunConfiguration {
        var configuration = RunConfiguration()
        configuration.model.hiddenSize = 32
        configuration.model.headCount = 2
        configuration.model.intermediateSize = 64
        configuration.model.layerCount = 2
        configuration.model.embeddingSize = 16
        configuration.model.generator.widthMultiplier = 0.5
        configuration.corpus.sequenceLength = 24
        configuration.training.chunkTokens = 48
        change(&configuration)
        return configuration
    }
}
