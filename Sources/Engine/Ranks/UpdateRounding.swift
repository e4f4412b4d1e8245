import Encoder
import Kernels
import Optimization

/// Rounds what weights move by (`training.communication: bfloat16`), which takes remembering where they were.
final class UpdateRounding {
    let before: FloatBuffer
    private let pieces: GradientPieces

    /// - Parameter pieces: of the layout.
    init(_ layout: ParameterLayout, _ pieces: GradientPieces) {
        before = FloatBuffer(count: layout.bufferCount)
        self.pieces = pieces
    }

    func remember(_ weights: FloatBuffer, _ pool: ThreadPool) {
        let (pieces, before) = (pieces, before)
        pool.run(pieces.places.count) { task, _ in
            let place = pieces.places[task]
            (before.base + place.lowerBound).update(from: weights.base + place.lowerBound, count: place.count)
        }
    }

    /// On a machine by itself; several round what they share.
    func round(_ weights: FloatBuffer, _ pool: ThreadPool) {
        let (pieces, before) = (pieces, before)
        pool.run(pieces.places.count) { task, _ in
            let place = pieces.places[task]
            Kernels.roundUpdate(
                weights.base + place.lowerBound, before: before.base + place.lowerBound, count: place.count)
        }
    }
}
