import Corpus
import Encoder
import Kernels

/// What analyses need of the engine beyond training and evaluation.
extension TrainingEngine {
    /// The gradient of the objective on an evaluation batch, without dropout, as training would sum it.
    ///
    /// Nothing is learned, and no gradient is left behind.
    ///
    /// - Parameters:
    ///   - index: of the batch, as in `evaluate`.
    ///   - body: called with each parameter tensor's name and gradient, in the layout's order.
    package func withGradients(
        _ batch: TokenBatch, index: Int, _ body: (_ name: String, _ gradient: [Double]) throws -> Void
    ) throws {
        // Nothing of it is to be taken for the next step's.
        defer { gradients.clear() }
        _ = try evaluate(batch, index: index, gradients: gradients) { _, _, _ in }
        _ = gradients.merge(pool: pool)
        state.layout.returnGradients(gradients.sum, pool: pool)
        for spec in state.layout.specs {
            let values = gradients.sum.base + spec.offset
            try body(spec.name, (0..<spec.count).map { Double(values[$0]) })
        }
    }
}
