/// Lines of `metrics.jsonl` of one kind, as columns.
public struct MetricsTable: Sendable, Equatable {
    public private(set) var steps: [Int] = []
    /// Tokens seen in training, as far as lines tell; 0 before.
    public private(set) var tokens: [Int] = []
    /// Seconds that the run had taken.
    public private(set) var seconds: [Double] = []
    /// Values by name, as many as lines; what a line does not have, or has as null, is not a number.
    public private(set) var values: [String: [Double]] = [:]

    public init() {}

    public var count: Int { steps.count }
    public var isEmpty: Bool { steps.isEmpty }

    /// Adds a line. Columns that it has no value for are too short until `settle`.
    mutating func append(step: Int, tokens: Int, seconds: Double, _ values: [(name: String, value: Double)]) {
        let line = count
        steps.append(step)
        self.tokens.append(tokens)
        self.seconds.append(seconds)
        for (name, value) in values {
            self.values[name, default: []].fill(to: line)
            self.values[name]?.append(value)
        }
    }

    /// How many columns there are with those of another line.
    func names(with values: [(name: String, value: Double)]) -> Int {
        self.values.count + values.count { self.values[$0.name] == nil }
    }

    /// Makes all columns as long as there are lines.
    mutating func settle() {
        let count = count
        for name in Array(values.keys) { values[name]?.fill(to: count) }
    }

    /// The last value that is a number.
    public func last(_ name: String) -> Double? { values[name]?.last(where: \.isFinite) }
}

extension [Double] {
    fileprivate mutating func fill(to count: Int) { while self.count < count { append(.nan) } }
}
