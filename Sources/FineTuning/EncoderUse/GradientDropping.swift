import Kernels

/// Leaves out, in each step, some layers' gradients, drawn anew each time: regularization, and cheaper steps where it is the
/// lowest ones' (Layer-GradDrop: O'Neill and Dutta 2023, arXiv 2307.10098). The embeddings count as a layer below all.
///
/// A dropped gradient is zero: moments fade and weight decay goes on, as there.
package struct GradientDropping: Sendable {
    /// Chance of each layer, in each step.
    let share: Double
    private let random: Philox

    package init(share: Double, seed: UInt64) {
        self.share = share
        random = Philox(seed: seed, purpose: .gradientDropping)
    }

    /// - Returns: for the embeddings and then each layer, whether its gradient is left out in a step.
    package func dropped(step: Int, layers: Int) -> [Bool] {
        (0...layers).map { random.uniform(step: step, position: $0) < share }
    }
}
