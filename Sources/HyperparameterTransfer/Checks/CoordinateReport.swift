import Kernels
import Plots

/// A whole coordinate check: measurements and verdicts under muP and, for contrast, the standard parametrization.
public struct CoordinateReport: Codable, Sendable {
    public var widths: [Int]
    public var steps: Int
    public var passes: Bool
    public var maximalUpdate: CoordinateVerdict
    public var standard: CoordinateVerdict
    public var measurements: [CoordinateMeasurement]
    public var standardMeasurements: [CoordinateMeasurement]

    public init(_ check: CoordinateCheck, pool: ThreadPool, progress: (Double) -> Void) throws {
        widths = check.widths
        steps = check.steps
        let models = Double(2 * check.widths.count * check.seeds)
        measurements = try check.measure(.maximalUpdate(baseWidth: check.widths[0]), pool: pool) {
            progress(Double($0) / models)
        }
        standardMeasurements = try check.measure(.standard, pool: pool) { progress(0.5 + Double($0) / models) }
        maximalUpdate = CoordinateVerdict(measurements, tolerance: check.tolerance)
        standard = CoordinateVerdict(standardMeasurements, tolerance: check.tolerance)
        passes = maximalUpdate.passes
    }

    /// The smallest width that the check supports, if any.
    public var smallestSupportedWidth: Int? {
        CoordinateVerdict.smallestSupportedWidth(measurements, tolerance: maximalUpdate.tolerance)
    }

    /// Sizes and changes against width after the last step: muP on the left, standard on the right.
    public var figure: Figure {
        func chart(
            _ title: String, _ label: String, _ measurements: [CoordinateMeasurement],
            _ value: (CoordinateMeasurement) -> Double
        ) -> Chart {
            var names: [String] = []
            for measurement in measurements
            where !names.contains(measurement.module) && !measurement.module.contains(",") {
                names.append(measurement.module)
            }
            // Every layer would be too many names to read: a colour a kind of module, named once.
            let kinds = names.map(Self.kind)
            var order: [String] = []
            for kind in kinds where !order.contains(kind) { order.append(kind) }
            var named: Set<String> = []
            let series = zip(names, kinds).map { name, kind in
                Series(
                    named.insert(kind).inserted ? kind : "",
                    points: measurements.filter { $0.module == name && $0.step == steps }
                        .map { Point(Double($0.width), value($0)) },
                    style: name.hasPrefix("generator") ? .markedDashed : .markedLine,
                    colour: order.firstIndex(of: kind))
            }
            return Chart(
                title: title, subtitle: "after \(steps) steps; dashed: generator",
                x: Axis("hidden size", scale: .logarithmic, ticks: widths.map(Double.init)),
                y: Axis(label, scale: .logarithmic), series: series, width: 560, height: 400)
        }
        return Figure(
            [
                chart("muP", "mean |output|", measurements, \.size),
                chart("Standard parametrization", "mean |output|", standardMeasurements, \.size),
                chart("muP", "mean |change since the beginning|", measurements, \.change),
                chart("Standard parametrization", "mean |change since the beginning|", standardMeasurements, \.change),
            ], columns: 2, sharesY: true)
    }

    /// `discriminator.layers.3.attention` → `attention`.
    private static func kind(_ module: String) -> String {
        let parts = module.split(separator: ".")
        guard parts.count > 3 else { return parts.count == 3 ? "layer" : String(parts.last ?? "") }
        return parts.dropFirst(3).joined(separator: " ").replacing("_", with: " ")
    }
}
