import Corpus
import Kernels
import Objectives
import Optimization

/// Networks that take turns within a step (`decoupled_training` of DeBERTaV3's release): the generator learns, samples and
/// is moved; then the discriminator reads the corrupted text through shared tables as they are now, learns and is moved.
extension TrainingEngine {
    /// One update from one batch.
    ///
    /// - Throws: as `train`; the generator is put back if the discriminator's turn fails.
    func trainInTurns(_ batch: TokenBatch, step: Int) throws -> StepOutcome {
        let (chunks, sampled) = try backward(batch, step: step, part: .generator)
        let (ofGenerator, norms, generatorSquares) = try merge(chunks, step: step, members: 0..<1)
        let generatorNorm = norms[0]
        let firstTurn = timings
        generatorSnapshot.take(pool)
        var movesMainEncoder = false
        do {
            // Another rank may already be at the discriminator's turn and give up, while this one still waits for weights.
            try update(step: step, norms: [generatorNorm, 0], columnSquares: generatorSquares, members: 0..<1)
            let chunks = try backward(batch, step: step, part: .mainEncoder, sampled: sampled).sums
            var (sums, norms, squares) = try merge(chunks, step: step, members: 1..<2)
            timings = zip(firstTurn, timings).map { $0 + $1 }
            let discriminatorNorm = norms[1]
            sums += ofGenerator
            try judge(sums, norm: LaneGradients.total([generatorNorm, discriminatorNorm]))
            movesMainEncoder = true
            try update(step: step, norms: [0, discriminatorNorm], columnSquares: squares, members: 1..<2)
            return StepOutcome(
                step: step, sums: sums, loss: configuration.objective.total(sums),
                learningRate: schedule.learningRate(step: step),
                gradientNorm: LaneGradients.total([generatorNorm, discriminatorNorm]))
        } catch {
            generatorSnapshot.restore(pool)
            if !movesMainEncoder { isTorn = false }
            weightsChanged()
            throw error
        }
    }
}

/// A copy of what the first of two optimizers moves: weights and its own numbers.
final class GeneratorSnapshot {
    private let pairs: [(live: FloatBuffer, copy: FloatBuffer)]
    private let count: Int

    init(_ state: TrainingState) {
        count = state.layout.secondGroupStart ?? 0
        let count = count
        pairs = ([state.weights] + state.optimizer.map(\.buffer)).map { ($0, FloatBuffer(count: count)) }
    }

    func take(_ pool: ThreadPool) {
        move(pool) { $0.copy.base.advanced(by: $1).update(from: $0.live.base + $1, count: $2) }
    }

    func restore(_ pool: ThreadPool) {
        move(pool) { $0.live.base.advanced(by: $1).update(from: $0.copy.base + $1, count: $2) }
    }

    private func move(
        _ pool: ThreadPool,
        _ body: @escaping @Sendable (_ pair: (live: FloatBuffer, copy: FloatBuffer), _ start: Int, _ count: Int) -> Void
    ) {
        let slice = 1 << 18
        let (pairs, count) = (pairs, count)
        let slices = (count + slice - 1) / slice
        pool.run(slices * pairs.count) { task, _ in
            let start = task % slices * slice
            body(pairs[task / slices], start, min(slice, count - start))
        }
    }
}
