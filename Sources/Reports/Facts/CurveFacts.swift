import Foundation
import Runs

/// Curves of a run, with as many points as a page can carry. Where a point stands for several lines of the log, it is their mean,
/// and the lowest and the highest of them are kept beside it.
public struct CurveFacts: Encodable, Sendable, Equatable {
    public var training: Curves
    public var heldOut: Curves

    public struct Curves: Encodable, Sendable, Equatable {
        /// Lines of the log.
        public var lines: Int
        /// Of the last line of each point.
        public var step: [Int]
        public var tokens: [Int]
        public var seconds: [Double]
        /// Lines that each point stands for; empty: one.
        public var count: [Int]
        public var metrics: [String: Metric]
    }

    public struct Metric: Encodable, Sendable, Equatable {
        /// nil where there is no number.
        public var mean: [Double?]
        /// Empty where points stand for one line each.
        public var low: [Double?]
        public var high: [Double?]
    }

    /// - Parameter points: of a curve, at most; at least 16.
    public init(_ reader: MetricsReader, points: Int) {
        training = Curves(reader.training, points: points)
        heldOut = Curves(reader.evaluations, points: points)
    }
}

extension CurveFacts.Curves {
    init(_ table: MetricsTable, points: Int) {
        let ends = Self.ends(table.count, points: max(16, points))
        let starts = [0] + ends.dropLast()
        lines = table.count
        step = ends.map { table.steps[$0 - 1] }
        tokens = ends.map { table.tokens[$0 - 1] }
        seconds = ends.map { Self.short(table.seconds[$0 - 1]) ?? 0 }
        let isThinned = ends.count < table.count
        count = isThinned ? zip(starts, ends).map { $1 - $0 } : []
        metrics = table.values.mapValues { values in
            let parts = zip(starts, ends).map { values[$0..<$1].filter(\.isFinite) }
            return CurveFacts.Metric(
                mean: parts.map { $0.isEmpty ? nil : Self.short($0.reduce(0, +) / Double($0.count)) },
                low: isThinned ? parts.map { $0.min().flatMap(Self.short) } : [],
                high: isThinned ? parts.map { $0.max().flatMap(Self.short) } : [])
        }
    }

    /// Where the stretches end that points stand for: every line at first, then ever longer ones until they are all of a length,
    /// so that a logarithmic axis has something to show at its beginning.
    static func ends(_ count: Int, points: Int) -> [Int] {
        guard count > points else { return count > 0 ? Array(1...count) : [] }
        // Two thirds of the points for stretches of one length; the rest for those that grow until they are as long.
        let equal = Double(count) / (Double(points) * 2 / 3)
        var ends: [Int] = []
        var position = 0.0
        let growth = 3 * (1 + log(max(1, equal))) / Double(points)
        while Int(position) < count {
            position += max(1, min(equal, position * growth))
            ends.append(min(count, Int(position.rounded())))
        }
        return ends.reduce(into: []) { kept, end in if end > kept.last ?? 0 { kept.append(end) } }
    }

    /// Five digits, which is more than a screen shows.
    static func short(_ value: Double) -> Double? {
        guard value.isFinite else { return nil }
        return Double(String(format: "%.5g", locale: nil, value))
    }
}
