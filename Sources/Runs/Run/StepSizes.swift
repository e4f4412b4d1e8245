/// How much each step of a run has to do, against its others: tokens, where stages have longer sequences or larger batches.
public struct StepSizes: Sendable, Equatable {
    /// Steps in a row that are alike.
    public struct Span: Sendable, Equatable {
        public var steps: Int
        public var size: Double

        public init(steps: Int, size: Double) {
            self.steps = steps
            self.size = size
        }
    }

    private let spans: [Span]

    /// - Parameter spans: one after another; steps beyond them are like the last ones.
    public init(_ spans: [Span]) { self.spans = spans }

    /// All steps are alike.
    public static let even = StepSizes([])

    /// - Parameter step: counted from 1.
    public func size(ofStep step: Int) -> Double {
        var end = 0
        for span in spans {
            end += span.steps
            if step <= end { return span.size }
        }
        return spans.last?.size ?? 1
    }

    /// Of the steps after one, up to and with another.
    public func total(after first: Int, through last: Int) -> Double {
        guard last > first else { return 0 }
        var (sum, end) = (0.0, 0)
        for span in spans {
            let steps = min(last, end + span.steps) - max(first, end)
            sum += Double(max(0, steps)) * span.size
            end += span.steps
        }
        return sum + Double(max(0, last - max(first, end))) * (spans.last?.size ?? 1)
    }
}
