import Corpus
import Encoder
import Engine
import Kernels
import Pretraining
import TestSupport
import Tokenization

/// A tiny model and text to measure it on.
enum AnalyzedModel {
    static let special = SpecialTokens(padding: 0, unknown: 1, classification: 2, separator: 3, mask: 4)
    static let vocabulary = 61

    static func configuration(_ change: (inout RunConfiguration) -> Void = { _ in }) -> RunConfiguration {
        var configuration = RunConfiguration()
        configuration.model.hiddenSize = 32
        configuration.model.headCount = 2
        configuration.model.intermediateSize = 64
        configuration.model.layerCount = 3
        configuration.model.embeddingSize = 16
        configuration.model.generator.widthMultiplier = 0.5
        configuration.model.generator.layerCount = 2
        configuration.model.initialization.scheme = .fanIn
        configuration.corpus.sequenceLength = 24
        configuration.training.batchSize = 8
        configuration.training.lanes = 3
        configuration.training.chunkTokens = 48
        change(&configuration)
        return configuration
    }

    /// An engine with random weights of visible size: biases and gains too.
    static func engine(_ configuration: RunConfiguration, threads: Int = 2) throws -> TrainingEngine {
        let engine = try TrainingEngine(
            configuration.engine, vocabularySize: vocabulary, special: special, pool: ThreadPool(threadCount: threads))
        engine.initialize()
        let random = Philox(seed: 5, purpose: .initialization)
        for spec in engine.state.layout.specs where spec.shape.count == 1 {
            for i in 0..<spec.count {
                engine.state.weights.base[spec.offset + i] +=
                    Float(0.4 * random.uniform(step: spec.count, position: spec.offset + i) - 0.2)
            }
        }
        return engine
    }

    static func batch(seed: UInt64, sequences: Int = 8) -> TokenBatch {
        .ragged(sequences: sequences, seed: seed, vocabularySize: vocabulary)
    }
}
