import Encoder
import Kernels
import Optimization
import Parametrization
import TestSupport
import Testing

/// Tensors that two networks read, each with an optimizer of its own.
@Suite("Shared tensors under two optimizers")
struct SharedTensorTests {
    private static let rate = 1.0 / 256
    private static let decay = 0.25

    /// One step of weights that are 1, from gradients that `fill` makes.
    private func step(movesSharedTwice: Bool, gradient: Float) -> (layout: ParameterLayout, weights: FloatBuffer) {
        var model = ModelConfiguration()
        (model.embeddingSize, model.maximumPositions) = (16, 8)
        var builder = ParameterBuilder(model)
        let embeddings = NetworkEmbeddings(
            &builder, model: model, parametrization: .init(), vocabularySize: 20, hasGenerator: true,
            movesSharedTwice: movesSharedTwice)
        builder.beginSecondGroup()
        _ = embeddings.declareDiscriminator(&builder)
        let layout = builder.finished()
        var configuration = OptimizerConfiguration()
        configuration.separate = true
        configuration.peakLearningRate = 1
        configuration.weightDecay = Self.decay
        configuration.epsilon = 1e-20
        let optimizer = Optimizer(configuration, layout, parametrization: .init())
        let (weights, gradients) = (FloatBuffer(count: layout.bufferCount), FloatBuffer(count: layout.bufferCount))
        for i in 0..<layout.bufferCount { (weights.base[i], gradients.base[i]) = (1, gradient) }
        let pool = ThreadPool(threadCount: 1)
        defer { pool.shutDown() }
        optimizer.update(
            weights: weights, gradients: gradients,
            state: [FloatBuffer(count: layout.bufferCount), FloatBuffer(count: layout.bufferCount)], step: 1,
            scheduleFactor: Self.rate, gradientScales: [1, 1], pool: pool)
        return (layout, weights)
    }

    @Test("Both optimizers decay and move them; the generator's alone does so once", arguments: [true, false])
    func updates(movesSharedTwice: Bool) {
        let once = 1 - Self.rate * Self.decay
        for gradient in [Float(0), 1] {
            let (layout, weights) = step(movesSharedTwice: movesSharedTwice, gradient: gradient)
            #expect(layout.specs.count == 5)
            for spec in layout.specs {
                var expected = 1.0
                for _ in 0..<(movesSharedTwice ? 2 : 1) {
                    // With bias correction the first update is the rate against the gradient's sign.
                    expected = expected * (spec.decays ? once : 1) - Self.rate * Double(gradient)
                }
                for i in 0..<spec.count {
                    #expect(abs(Double(weights.base[spec.offset + i]) - expected) < 1e-6, "\(spec.name)")
                }
            }
        }
    }
}
