import Plots

/// Curves of several runs in one figure.
public struct CurveFigure: Sendable {
    /// What the horizontal axis shows.
    public enum Position: String, CaseIterable, Sendable {
        case steps
        case tokens
        case hours

        func place(_ point: CurvePoint) -> Double {
            switch self {
            case .steps: Double(point.step)
            case .tokens: Double(point.tokens)
            case .hours: point.seconds / 3600
            }
        }
    }

    /// How curves are drawn.
    public struct Options: Sendable, Equatable {
        public var position = Position.steps
        public var hasLogarithmicX = false
        public var hasLogarithmicY = false
        /// How much of the mean so far a value in training is drawn with, from 0 to below 1.
        public var smoothing = 0.0
        /// Whether curves in training stand beside those on held-out text.
        public var showsTraining = false
        public var theme = Theme.light

        public init() {}
    }

    public var runs: [RunCurves]
    /// A panel for each.
    public var metrics: [String]
    public var options: Options

    /// What is shown if nothing is asked for, as far as some run has it.
    public static let usualMetrics = [
        "generator_loss", "corrective_loss", "contrastive_loss", "discriminator_loss", "discriminator_auc",
    ]

    /// Of fine-tuning: its loss, and what it is judged by.
    private static func metricsOfTasks(_ runs: [RunCurves]) -> [String] {
        let judged = runs.reduce(into: Set<String>()) { $0.formUnion($1.heldOut.keys) }.subtracting(["loss", "texts"])
        return (runs.contains { $0.metrics.contains("loss") } ? ["loss"] : []) + judged.sorted()
    }

    /// - Parameter metrics: nil for the usual ones.
    /// - Throws: `RunCurvesError` for one that no run has.
    public init(_ runs: [RunCurves], metrics: [String]?, options: Options = Options()) throws {
        let known = runs.reduce(into: Set<String>()) { $0.formUnion($1.metrics) }
        if let unknown = metrics?.first(where: { !known.contains($0) }) {
            throw RunCurvesError.unknownMetric(unknown, known: known.sorted())
        }
        self.runs = runs
        let usual = Self.usualMetrics.filter(known.contains)
        self.metrics = metrics ?? (usual.isEmpty ? Self.metricsOfTasks(runs) : usual)
        self.options = options
    }

    public var svg: String {
        let panels = metrics.map { metric in
            Chart(
                title: metric.replacing("_", with: " "), subtitle: subtitle(metric),
                x: Axis(options.position.rawValue, scale: options.hasLogarithmicX ? .logarithmic : .linear),
                y: Axis("", scale: options.hasLogarithmicY ? .logarithmic : .linear),
                series: runs.enumerated().flatMap { series($1, index: $0, metric) }, width: 560, height: 400)
        }
        return Figure(panels, columns: 2, theme: options.theme).svg
    }

    private func subtitle(_ metric: String) -> String {
        let isHeldOut = runs.contains { $0.heldOut[metric] != nil }
        let isTraining = runs.contains {
            $0.training[metric] != nil && (options.showsTraining || $0.heldOut[metric] == nil)
        }
        let smoothed = options.smoothing > 0 ? "in training, smoothed by \(options.smoothing)" : "in training"
        switch (isHeldOut, isTraining) {
        case (true, true): return "on held-out text (dots); \(smoothed) (lines)"
        case (true, false): return "on held-out text"
        default: return smoothed
        }
    }

    /// Markers where the run was evaluated; dashes once the colours have all been used.
    private func series(_ run: RunCurves, index: Int, _ metric: String) -> [Series] {
        let isDashed = index / Palette.categorical.count % 2 == 1
        let heldOut = run.heldOut[metric] ?? []
        let training = options.showsTraining || heldOut.isEmpty ? run.training[metric] ?? [] : []
        var series: [Series] = []
        if !training.isEmpty {
            let values = Self.smoothed(training.map(\.value), options.smoothing)
            series.append(
                Series(
                    heldOut.isEmpty ? run.label : "\(run.label), in training",
                    points: zip(training, values).map { Point(options.position.place($0), $1) },
                    style: isDashed ? .dashed : .line, colour: index))
        }
        if !heldOut.isEmpty {
            series.append(
                Series(
                    run.label, points: heldOut.map { Point(options.position.place($0), $0.value) },
                    style: isDashed ? .markedDashed : .markedLine, colour: index))
        }
        return series
    }

    /// Means that forget, corrected for their beginning: each value weighs `factor` times as much as the next.
    static func smoothed(_ values: [Double], _ factor: Double) -> [Double] {
        guard factor > 0 else { return values }
        var (sum, weight) = (0.0, 0.0)
        return values.map { value in
            sum = sum * factor + value * (1 - factor)
            weight = weight * factor + (1 - factor)
            return sum / weight
        }
    }
}
