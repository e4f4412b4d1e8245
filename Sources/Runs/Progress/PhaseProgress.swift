import Formatting
import Synchronization

/// Progress of a phase whose end is known as a fraction: training a tokenizer, reading a corpus.
///
/// Updates may come from any thread.
public final class PhaseProgress: Sendable {
    private let label: String
    private let line: ProgressLine
    private let startedAt: Double
    private let furthest = Mutex(0.0)

    /// - Parameters:
    ///   - label: What goes on, such as `Training the tokenizer`.
    ///   - line: Where it is shown.
    public init(_ label: String, on line: ProgressLine) {
        self.label = label
        self.line = line
        startedAt = line.now
    }

    /// - Parameters:
    ///   - fraction: From 0 to 1; never shown as going back.
    ///   - detail: What else there is to say.
    public func update(fraction: Double, detail: () -> String? = { nil }) {
        let fraction = furthest.withLock { furthest in
            if fraction > furthest { furthest = min(1, fraction) }
            return furthest
        }
        line.update(step: Int(fraction * 1000), fraction: fraction) {
            var fields = [ProgressField(label), ProgressField("\(Int(fraction * 100)) %")]
            if let seconds = secondsLeft(fraction) { fields.append(.timeLeft(seconds)) }
            if let detail = detail() { fields.append(ProgressField(detail)) }
            return fields
        }
    }

    /// Takes the live line away and says what came of it.
    public func finish(_ outcome: String? = nil) {
        line.clear()
        let elapsed = DurationFormat.text(line.now - startedAt)
        line.note([label, outcome, elapsed].compactMap(\.self).joined(separator: "  "))
    }

    /// In proportion to the time so far; nil while that says nothing.
    private func secondsLeft(_ fraction: Double) -> Double? {
        let elapsed = line.now - startedAt
        guard fraction >= 0.01, fraction < 1, elapsed >= 1 else { return nil }
        return elapsed * (1 - fraction) / fraction
    }
}
