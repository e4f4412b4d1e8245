import Encoder
import Kernels
import Synchronization

/// Takes the mean of each text's states in every layer.
final class PooledStates: StateObserver {
    private let texts = Mutex<[Int: [[Double]]]>([:])

    /// In the order of the texts: of each the mean states of the embeddings and of every layer.
    var all: [[[Double]]] { texts.withLock { $0.sorted { $0.key < $1.key }.map(\.value) } }

    func record(_ states: [Matrix], of network: NetworkKind, _ chunk: ChunkGeometry) {
        let starts = chunk.sequences
        for (start, end) in zip(starts, starts.dropFirst() + [chunk.tokenCount]) {
            let means = states.map { state in
                let sums = (start..<end).reduce(into: [Double](repeating: 0, count: state.columns)) { sums, row in
                    for column in sums.indices { sums[column] += Double(state.row(row)[column]) }
                }
                return sums.map { $0 / Double(end - start) }
            }
            texts.withLock { $0[chunk.firstRow + start] = means }
        }
    }
}
