import Formatting
import Synchronization

/// Progress of a phase whose end is known as a fraction: training a tokenizer, reading a corpus.
///
/// Updates may come from any thread.
public final class PhaseProgress: Sendable {
    private let label: String
    private let line: ProgressLine
    private let startedAt: Double
    private let course = Mutex(Course())

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
        let elapsed = line.now - startedAt
        let (fraction, secondsLeft) = course.withLock { course in
            course.go(to: fraction, at: elapsed)
            return (course.fraction, course.secondsLeft(at: elapsed))
        }
        line.update(step: Int(fraction * 1000), fraction: fraction) {
            var fields = [ProgressField(label), ProgressField("\(Int(fraction * 100)) %")]
            if let secondsLeft { fields.append(.timeLeft(secondsLeft)) }
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

    /// How far it was when.
    private struct Course {
        private(set) var fraction = 0.0
        /// Of the later half of the time, and the last one before it.
        private var marks = [(elapsed: 0.0, fraction: 0.0)]

        mutating func go(to reached: Double, at elapsed: Double) {
            if reached > fraction { fraction = min(1, reached) }
            if elapsed - marks[marks.count - 1].elapsed >= elapsed / 64 { marks.append((elapsed, fraction)) }
            while marks.count > 1, marks[1].elapsed <= elapsed / 2 { marks.removeFirst() }
        }

        /// In proportion to the later half of the time so far: what an earlier process had done was there at once, and took no time.
        /// Nil while that says nothing.
        func secondsLeft(at elapsed: Double) -> Double? {
            let gained = fraction - marks[0].fraction
            guard fraction < 1, gained >= 0.005, elapsed >= 1 else { return nil }
            return (elapsed - marks[0].elapsed) * (1 - fraction) / gained
        }
    }
}
