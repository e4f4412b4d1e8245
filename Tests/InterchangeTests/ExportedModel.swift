import Engine
import Kernels
import Pretraining
import TestModels
import Tokenization

/// A small model with the fixtures' tokenizer, to be exported.
enum ExportedModel {
    static func engine(
        _ tokenizer: Tokenizer, _ pool: ThreadPool, _ change: (inout RunConfiguration) -> Void
    ) throws -> TrainingEngine {
        let configuration = SmallModel.configuration {
            $0.model.intermediateSize = 24
            $0.model.embeddingSize = 8
            $0.model.maximumPositions = 24
            $0.corpus.sequenceLength = 16
            $0.training.chunkTokens = 1024
            change(&$0)
        }
        let engine = try TrainingEngine(
            configuration.engine, vocabularySize: tokenizer.vocabularySize, special: tokenizer.specialTokens, pool: pool
        )
        engine.initialize()
        return engine
    }
}
