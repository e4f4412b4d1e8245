/// One axis of a chart.
public struct Axis: Sendable, Equatable {
    public enum Scale: Sendable, Equatable {
        case linear
        case logarithmic
    }

    public var label: String
    public var scale: Scale
    /// What is shown; nil: what the data need. A bound that a logarithmic axis cannot show is ignored.
    public var range: ClosedRange<Double>?
    /// Where labels stand; empty: at round numbers.
    public var ticks: [Double]

    public init(
        _ label: String, scale: Scale = .linear, range: ClosedRange<Double>? = nil, ticks: [Double] = []
    ) {
        self.label = label
        self.scale = scale
        self.range = range
        self.ticks = ticks
    }

    /// Whether the axis has a place for the value.
    func shows(_ value: Double) -> Bool { value.isFinite && (scale == .linear || value > 0) }
}

/// An axis with its extent settled: from values to [0, 1], and where the ticks are.
struct ResolvedAxis {
    let scale: Axis.Scale
    let lower: Double
    let upper: Double
    let ticks: [Double]
    /// Grid lines without labels, between the decades.
    let minorTicks: [Double]

    /// - Parameter values: all that is to be shown; those without a place on the axis do not count.
    init(_ axis: Axis, values: some Sequence<Double>) {
        scale = axis.scale
        var lower = Double.infinity
        var upper = -Double.infinity
        for value in values where axis.shows(value) {
            lower = min(lower, value)
            upper = max(upper, value)
        }
        if lower > upper { (lower, upper) = scale == .linear ? (0, 1) : (1, 10) }
        let toPlane = Self.transform(axis.scale)
        let fromPlane = Self.inverse(axis.scale)
        var (start, end) = (toPlane(lower), toPlane(upper))
        // A single value, or values that differ by rounding only, get a stretch around them.
        if !(end - start > 1e-9 * max(1, abs(start), abs(end))) {
            let around = scale == .linear ? max(abs(start) * 0.1, 1e-6) : 0.2
            (start, end) = (start - around, end + around)
        }
        let margin = min(0.04 * (end - start), Double.greatestFiniteMagnitude)
        (start, end) = (start - margin, end + margin)
        // A margin below zero would look like negative data.
        if scale == .linear, lower >= 0, start < 0 { start = 0 }
        if let range = axis.range {
            if axis.shows(range.lowerBound) { start = toPlane(range.lowerBound) }
            if axis.shows(range.upperBound) { end = toPlane(range.upperBound) }
        }
        if !(end > start) || !start.isFinite || !end.isFinite { (start, end) = (0, 1) }
        // Powers of ten that a Double has.
        if scale == .logarithmic { (start, end) = (max(start, -307), min(end, 307)) }
        if !(end > start) { (start, end) = (0, 1) }
        (self.lower, self.upper) = (start, end)
        let lowest = fromPlane(start)
        let highest = fromPlane(end)
        func inside(_ value: Double) -> Bool {
            guard axis.shows(value) else { return false }
            let place = (toPlane(value) - start) / (end - start)
            return place >= -1e-9 && place <= 1 + 1e-9
        }
        if !axis.ticks.isEmpty {
            ticks = axis.ticks.filter(inside)
            minorTicks = []
        } else if scale == .logarithmic {
            (ticks, minorTicks) = Ticks.logarithmic(lowest, highest)
        } else {
            ticks = Ticks.linear(lowest, highest)
            minorTicks = []
        }
    }

    /// The value's place, 0 at the lower end and 1 at the upper; nil where the axis has none for it.
    func place(_ value: Double) -> Double? {
        guard value.isFinite, scale == .linear || value > 0 else { return nil }
        return (Self.transform(scale)(value) - lower) / (upper - lower)
    }

    private static func transform(_ scale: Axis.Scale) -> (Double) -> Double {
        scale == .linear ? { $0 } : { logarithm($0) }
    }

    private static func inverse(_ scale: Axis.Scale) -> (Double) -> Double {
        scale == .linear ? { $0 } : { power($0) }
    }
}
