import Engine
import FineTuning
import Kernels
import Optimization
import Parametrization
import TestModels
import Testing

@Suite("Fine-tuning: token types of the encoder that it begins with") struct TokenTypeStartTests {
    @Test("What no pretraining has trained begins as the type of first texts", arguments: [false, true])
    func load(trainsTokenTypes: Bool) throws {
        let pool = ThreadPool(threadCount: 1)
        defer { pool.shutDown() }
        let configuration = SmallModel.configuration()
        let pretrained = try TrainingEngine(
            configuration.engine, vocabularySize: SmallModel.vocabulary, special: SmallModel.special, pool: pool)
        pretrained.initialize()
        let engine = TaskEngine(
            TaskModel(
                model: configuration.model, parametrization: configuration.parametrization,
                vocabularySize: SmallModel.vocabulary, longestText: 24, chunkTokens: 48, outputCount: 2, pooling: .first
            ),
            optimizer: OptimizerConfiguration(), parametrization: configuration.parametrization, layerDecay: 1,
            headFactor: 1, steps: 1, seed: 0, pool: pool)
        engine.initialize()
        engine.load(pretrained, trainsTokenTypes: trainsTokenTypes)
        let spec = try #require(engine.model.layout.specs.first { $0.name.hasSuffix("token_type") })
        let width = spec.shape[1]
        func row(_ index: Int) -> [Float] {
            (0..<width).map { engine.weights.base[spec.offset + index * width + $0] }
        }
        #expect((row(0) == row(1)) == !trainsTokenTypes && row(0).contains { $0 != 0 })
    }
}
