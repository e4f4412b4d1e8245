/// Estimates the time that is left from the median of recent steps' times, each by its size.
///
/// The median forgets what is not a step's own: a pause for an evaluation or a checkpoint, a machine that was asleep.
public struct TimeLeft: Sendable {
    private let window: Int
    private var recent: [Double] = []
    private var next = 0

    /// - Parameter window: Steps that count, at least 1.
    public init(window: Int = 51) {
        self.window = max(1, window)
    }

    /// - Parameters:
    ///   - seconds: Time that one step took; negative and non-finite times are ignored.
    ///   - size: How much it had to do, see `StepSizes`; positive.
    public mutating func add(stepSeconds seconds: Double, size: Double = 1) {
        let seconds = seconds / size
        guard seconds.isFinite, seconds >= 0 else { return }
        if recent.count < window {
            recent.append(seconds)
        } else {
            recent[next] = seconds
            next = (next + 1) % window
        }
    }

    /// Median of the recent steps' times in seconds, for a size of 1; nil before the first step.
    public var stepSeconds: Double? {
        guard !recent.isEmpty else { return nil }
        let sorted = recent.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// Seconds for the steps that are left; nil before the first step.
    ///
    /// - Parameter size: of all of them.
    public func seconds(for size: Double) -> Double? { stepSeconds.map { $0 * max(0, size) } }
}
