/// Whether the outputs of all modules stay as large as they are when the width grows.
public struct CoordinateVerdict: Codable, Sendable, Equatable {
    /// One module's slopes.
    public struct Module: Codable, Sendable, Equatable {
        public var module: String
        /// Slope of log mean |output| against log width, after 0, 1, 2 … steps; nil where a size was not finite.
        public var sizeSlopes: [Double?]
        /// The same for the change since the beginning, after 1, 2 … steps.
        public var changeSlopes: [Double?]
        /// The slope that is farthest outside, or else the steepest.
        public var worst: Double
        /// Where: `size` or `change`, and after how many steps.
        public var place: String
        public var passes: Bool
    }

    public var modules: [Module]
    public var tolerance: Double
    public var passes: Bool

    /// What a slope must be, within ± `tolerance`:
    ///
    /// - changes after every number of steps: 0. Those of attention scores and of logits over the vocabulary may fall as far
    ///   as −2 · `tolerance` (`docs/transfer.md` says why), and scores by the slope of the head size more, where heads grow;
    /// - sizes of logits before the first step: −½, unless they are exactly 0, as they are random projections divided by the
    ///   width; of logits that are read from embeddings whose size stays: 0; later they pass through 0 and are not judged.
    ///   Attention scores where heads grow with the width likewise, by the slope of the head size;
    /// - all other sizes, before the first step and after every one: 0.
    public init(_ measurements: [CoordinateMeasurement], tolerance: Double, from smallest: Int = 0) {
        self.tolerance = tolerance
        var order: [String] = []
        var groups: [String: [CoordinateMeasurement]] = [:]
        for measurement in measurements where measurement.width >= smallest {
            if groups[measurement.module] == nil { order.append(measurement.module) }
            groups[measurement.module, default: []].append(measurement)
        }
        modules = order.map { Self.module($0, groups[$0] ?? [], tolerance: tolerance) }
        passes = modules.allSatisfy(\.passes)
    }

    private static func module(_ name: String, _ group: [CoordinateMeasurement], tolerance: Double) -> Module {
        let steps = Set(group.map(\.step)).sorted()
        func slopes(_ steps: some Sequence<Int>, _ value: (CoordinateMeasurement) -> Double) -> [Double?] {
            steps.map { step in
                let points = group.filter { $0.step == step }.map { (x: Double($0.width), y: value($0)) }
                // What is zero at all widths does not depend on width: outputs that start at zero.
                if points.allSatisfy({ $0.y == 0 }) { return 0 }
                return LogSlope.of(points)
            }
        }
        let sizes = slopes(steps, \.size)
        let changes = slopes(steps.dropFirst(), \.change)
        let plain = name.split(separator: ",").first.map(String.init) ?? name
        let isReadout = CoordinateCheck.isReadout(plain)
        let isScore = plain.hasSuffix("scores")
        let overVocabulary = CoordinateCheck.isOverVocabulary(plain)
        let headGrowth = growth(group, of: \.headSize) ?? 0
        let readGrowth = growth(group, of: \.readSize) ?? 1
        var worst = (excess: -Double.infinity, slope: 0.0, place: "")
        func judge(_ slope: Double?, _ place: String, _ expected: Double, lower: Double) {
            let slope = slope ?? .infinity
            let excess = max(slope - expected - tolerance, expected - lower - slope)
            if excess > worst.excess { worst = (excess, slope, place) }
        }
        let isOwn = name.hasSuffix(CoordinateCheck.ownSuffix)
        let isProjection = isReadout || isScore && headGrowth > 0
        for (index, slope) in sizes.enumerated() {
            if isProjection, index > 0 { continue }
            let startsAtZero = group.allSatisfy { $0.step > 0 || $0.size == 0 }
            let expected = !isProjection || startsAtZero ? 0 : -0.5 * (isScore ? headGrowth : readGrowth)
            judge(slope, "size after \(steps[index]) steps", expected, lower: tolerance)
        }
        for (index, slope) in changes.enumerated() {
            let isNoisy = (overVocabulary && !isOwn) || isScore
            judge(
                slope, "change after \(steps[index + 1]) steps", 0,
                lower: (isNoisy ? 2 : 1) * tolerance + (isScore ? headGrowth : 0))
        }
        return Module(
            module: name, sizeSlopes: sizes, changeSlopes: changes, worst: worst.slope.isFinite ? worst.slope : 99,
            place: worst.place, passes: worst.excess <= 0)
    }

    /// Slope of the log of a size against log width: 0 of heads that grow in number, and of embeddings whose size stays. Nil where
    /// there is none.
    private static func growth(
        _ group: [CoordinateMeasurement], of size: (CoordinateMeasurement) -> Int?
    ) -> Double? {
        let points = group.compactMap { measurement in
            size(measurement).map { (x: Double(measurement.width), y: Double($0)) }
        }
        return LogSlope.of(points).map { max(0, $0) }
    }

    /// The smallest width from which on the check passes, if there is one with two wider ones beside it.
    public static func smallestSupportedWidth(
        _ measurements: [CoordinateMeasurement], tolerance: Double
    ) -> Int? {
        let widths = Set(measurements.map(\.width)).sorted()
        return widths.dropLast().first {
            CoordinateVerdict(measurements, tolerance: tolerance, from: $0).passes
        }
    }
}
