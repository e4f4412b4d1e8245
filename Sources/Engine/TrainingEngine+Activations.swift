import Corpus
import Encoder
import Kernels
import Objectives

/// What one module put out on a fixed text.
public struct ModuleActivation: Sendable {
    /// Such as `discriminator.layers.0.attention`.
    public var module: String
    /// The outputs of the text's first tokens, row-major.
    public var values: [Float]
    public var columns: Int
}

extension TrainingEngine {
    /// What every module of both networks puts out for the first chunk of a batch, with the present weights.
    ///
    /// Masking does not depend on weights, and the discriminator reads the masked text too, so that models are compared
    /// on the same input.
    ///
    /// - Parameter tokens: of how many tokens, at most, values are kept.
    public func activations(_ batch: TokenBatch, tokens: Int = 128) -> [ModuleActivation] {
        let masking = Masking(
            batch, configuration: configuration.objective,
            fraction: configuration.objective.evaluationMaskFraction, maskID: special.mask,
            special: special.neverMasked,
            random: Philox(seed: seed, purpose: .evaluationMasking), step: 0)
        let limits = objective.model.limits
        let plan = LanePlan(batch, laneCount: 1, chunkTokens: limits.tokens, chunkSequences: limits.sequences)
        guard let chunk = plan.lanes.first?.first else { return [] }
        let inputs = Array(masking.inputs[..<chunk.tokenCount])
        let rows = masking.positions.filter { $0 < chunk.tokenCount }
        let result = TaskResults<[ModuleActivation]>(count: 1)
        pool.run(1) { [objective, state, arenas, products] _, worker in
            var found: [ModuleActivation] = []
            var pass = LanePass(
                weights: state.weights.base, gradients: nil, arena: arenas[worker].base, dropout: nil, chunk: chunk)
            pass.products = products
            objective.observe(inputs: inputs, rows: rows, corrupted: inputs, pass) { module, output in
                let count = min(tokens, output.rows) * output.columns
                found.append(
                    ModuleActivation(
                        module: module, values: Array(UnsafeBufferPointer(start: output.base, count: count)),
                        columns: output.columns))
            }
            result[0] = found
        }
        return result[0] ?? []
    }
}
