import Kernels
import Machine

/// The machine's GEMM peak, measured again from time to time: clocks and neighbours change over a run of days, and a share
/// of a peak of last week says nothing.
package struct PeakWatch {
    /// Operations per second, as last measured.
    package private(set) var peak: Double
    private var measuredAt: ContinuousClock.Instant
    private let measure: () -> Double?

    /// Three rounds in ten minutes take a few hundredths of a percent of the time.
    package static let interval = Duration.seconds(600)
    private static let rounds = 3

    /// - Parameters:
    ///   - first: the peak as measured at `now`.
    ///   - measure: nil where it cannot be measured now.
    package init(first: Double, now: ContinuousClock.Instant, measure: @escaping () -> Double?) {
        peak = first
        measuredAt = now
        self.measure = measure
    }

    /// Measures on a pool, unless memory is short: the operands are not worth a run.
    init(_ pool: ThreadPool, precision: ProductPrecision) {
        self.init(first: Kernels.measurePeak(pool, precision: precision, rounds: Self.rounds), now: .now) {
            guard MachineLimits().available > 2 * PeakMeter.byteCount(pool) else { return nil }
            return Kernels.measurePeak(pool, precision: precision, rounds: Self.rounds)
        }
    }

    /// Due between steps.
    package mutating func refresh(now: ContinuousClock.Instant = .now) {
        guard measuredAt.duration(to: now) >= Self.interval else { return }
        measuredAt = now
        if let found = measure() { peak = found }
    }
}
