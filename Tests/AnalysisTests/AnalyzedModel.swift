import Corpus
import Encoder
import Engine
import Kernels
import Pretraining
import TestModels
import TestSupport
import Tokenization

/// A tiny model and text to measure it on.
enum AnalyzedModel {
    static let special = SmallModel.special
    static let vocabulary = SmallModel.vocabulary

    static func configuration(_ change: (inout RunConfiguration) -> Void = { _ in }) -> RunConfiguration {
        SmallModel.configuration {
            $0.model.layerCount = 3
            $0.model.generator.layerCount = 2
            $0.model.initialization.scheme = .fanIn
            $0.training.batchSize = 8
            $0.training.lanes = 3
            change(&$0)
        }
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
