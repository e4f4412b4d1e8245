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
        let gradients = gradients
        gradients.clear()
        defer { gradients.clear() }
        _ = try evaluate(batch, index: index, gradients: gradients) { _, _, _ in }
        for spec in state.layout.specs {
            var sums = [Double](repeating: 0, count: spec.count)
            for lane in gradients.lanes {
                let values = lane.base + spec.offset
                for i in 0..<spec.count { sums[i] += Double(values[i]) }
            }
            try body(spec.name, sums)
        }
    }
}
