import Corpus
import Encoder
import Engine
import Kernels
import Pretraining
import TestSupport
import Testing

/// The second view of a text, which COCO-LM compares with the first.
@Suite("Contrasted crops")
struct ContrastTests {
    @Test("Crops of segments that begin a sequence have its global token, whatever stands before them in the chunk")
    func globalTokens() throws {
        let pool = ThreadPool(threadCount: 1)
        defer { pool.shutDown() }
        // Where every sequence is one document, the firsts of sequences are those of documents.
        var batch = EngineTests.batch(sequences: 6, seed: 5)
        batch.segmentOffsets = batch.sequenceOffsets
        func losses(_ globalTokens: GlobalTokenKind) throws -> [Double] {
            let configuration = EngineTests.configuration {
                $0.objective.name = .cocoLM
                $0.model.embeddingSize = 32
                $0.model.attention.pattern = .window
                $0.model.attention.window = 4
                $0.model.attention.globalTokens = globalTokens
                $0.training.lanes = 1
                $0.training.chunkTokens = 200
                $0.optimizer.warmupSteps = 1
            }
            let engine = try TrainingEngine(
                configuration.engine, vocabularySize: EngineTests.vocabulary, special: EngineTests.special, pool: pool)
            engine.initialize()
            return try (1...2).map { try engine.train(batch, step: $0).loss }
        }
        let expected = try losses(.documents)
        #expect(try losses(.first) == expected)
        #expect(try losses(.none) != expected)
    }
}
