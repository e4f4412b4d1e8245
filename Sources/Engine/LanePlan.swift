import Corpus
import Encoder

/// How a batch is divided: lanes of consecutive sequences, each lane into chunks that are worked on one after another.
///
/// A pure function of the batch and the configuration, so that sums have the same order on every machine.
package struct LanePlan: Sendable {
    package let lanes: [[ChunkGeometry]]

    /// What is worked on at the same time: lanes where gradients are summed, or where all threads divide every chunk, and otherwise
    /// chunks by themselves, so that more threads have work. What chunks come to does not depend on it.
    package func tasks(summingGradients: Bool, isDivided: Bool = false) -> [[ChunkGeometry]] {
        summingGradients || isDivided ? lanes : lanes.flatMap { chunks in chunks.map { [$0] } }
    }

    /// - Parameters:
    ///   - laneCount: at least one sequence goes to each, if there are enough.
    ///   - chunkTokens: limit of a chunk, which a single longer sequence exceeds.
    ///   - chunkSequences: the most sequences of a chunk.
    package init(_ batch: TokenBatch, laneCount: Int, chunkTokens: Int, chunkSequences: Int) {
        let sequences = batch.sequenceCount
        lanes = (0..<laneCount).map { lane in
            let own = Range.share(lane, of: laneCount, count: sequences)
            let last = own.upperBound
            var chunks: [ChunkGeometry] = []
            var start = own.lowerBound
            while start < last {
                var end = start + 1
                while end < last, end - start < chunkSequences,
                    batch.sequenceOffsets[end + 1] - batch.sequenceOffsets[start] <= chunkTokens
                { end += 1 }
                let row = batch.sequenceOffsets[start]
                let count = batch.sequenceOffsets[end] - row
                if count > 0 {
                    chunks.append(
                        ChunkGeometry(
                            firstRow: row, tokenCount: count, segmentOffsets: batch.segmentOffsets,
                            sequenceOffsets: batch.sequenceOffsets, tokenTypes: batch.tokenTypes))
                }
                start = end
            }
            return chunks
        }
    }
}
