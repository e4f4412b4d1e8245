/// Estimates the time that is left from the median of recent step times.
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

    /// - Parameter seconds: Time that one step took; negative and non-finite times are ignored.
    public mutating func add(stepSeconds seconds: Double) {
        guard seconds.isFinite, seconds >= 0 else { return }
        if recent.count < window {
            recent.append(seconds)
        } else {
            recent[next] = seconds
            next = (next + 1) % window
        }
    }

    /// Median of the recent step times in seconds; nil before the first step.
    public var stepSeconds: Double? {
        guard !recent.isEmpty else { return nil }
        let sorted = recent.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// Seconds for the steps that are left; nil before the first step.
    public func seconds(forSteps steps: Int) -> Double? {
        stepSeconds.map { $0 * Double(max(0, steps)) }
    }
}
