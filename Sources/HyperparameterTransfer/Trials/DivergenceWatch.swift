/// Tells when a run's loss has left for good: after warmup, the mean of the last 20 steps is above that of the first 5.
package struct DivergenceWatch {
    private let warmup: Int
    private var first: [Double] = []
    private var last: [Double] = []

    static let firstSteps = 5
    private static let lastSteps = 20
    /// Losses of single batches scatter.
    private static let margin = 1.05

    package init(warmup: Int) { self.warmup = warmup }

    /// For a run that is gone on with.
    ///
    /// - Parameter losses: of the steps before; without them it says nothing.
    mutating package func resume(_ losses: [Double]) {
        first = Array(losses.prefix(Self.firstSteps))
        last = Array(losses.suffix(Self.lastSteps))
    }

    /// - Returns: whether the run has diverged.
    mutating package func sees(step: Int, loss: Double) -> Bool {
        if first.isEmpty, step > Self.firstSteps { return false }
        if first.count < Self.firstSteps { first.append(loss) }
        last.append(loss)
        if last.count > Self.lastSteps { last.removeFirst() }
        guard step > max(warmup, Self.firstSteps + Self.lastSteps), last.count == Self.lastSteps else { return false }
        return mean(last) > Self.margin * mean(first)
    }

    private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
}
