import Corpus
import Kernels
import Optimization

/// A loss that holds all texts of a batch against one another, whatever lanes and chunks carry them.
extension TaskEngine {
    /// All vectors first, then the loss of the whole batch and its gradient by every vector, then a second forward pass of each
    /// chunk with its backward pass (Gao et al. 2021, arXiv 2101.06983): activations are those of one chunk, however large the
    /// batch. Dropout is drawn from step and row, so the second pass repeats the first to the bit.
    func learn(
        _ batch: TaskBatch, _ contrast: InBatchContrast, _ gradients: LaneGradients, dropout: DropoutStream?,
        reach: GradientReach, step: Int?
    ) throws -> Double {
        let vectors = try run(batch, gradients: nil, dropout: dropout, step: step).map(\.outputs)
        let (loss, upstream) = contrast.loss(
            vectors, width: model.outputCount, names: TextNames(batch.texts).names, isLearned: true)
        _ = try run(batch, gradients: gradients, dropout: dropout, reach: reach, step: step, upstream: upstream)
        return loss
    }
}

extension TaskBatch {
    /// Of every example the tokens of its segments.
    fileprivate var texts: [[[Int32]]] {
        let segments = zip(tokens.segmentOffsets, tokens.segmentOffsets.dropFirst()).map { $0..<$1 }
        var next = 0
        return zip(tokens.sequenceOffsets, tokens.sequenceOffsets.dropFirst()).map { _, end in
            let first = next
            while next < segments.count, segments[next].upperBound <= end { next += 1 }
            return segments[first..<next].map { Array(tokens.tokens[$0]) }
        }
    }
}
