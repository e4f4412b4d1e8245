/// A chart of lines or points in the plane, drawn as SVG.
///
/// The drawing is a pure function of the chart: equal charts give equal bytes. It has no scripts, no identifiers and no
/// references, so any number of charts can stand in one HTML page, and every viewer shows the same.
///
///     let chart = Chart(
///         title: "Loss by learning rate",
///         x: Axis("learning rate", scale: .logarithmic), y: Axis("held-out loss"),
///         series: [Series("width 64", points: [Point(1e-4, 5.1), Point(1e-3, 4.2)])])
///     try chart.svg.write(toFile: "loss.svg", atomically: true, encoding: .utf8)
public struct Chart: Sendable, Equatable {
    public var title: String
    /// A second line under the title, in small letters.
    public var subtitle: String
    public var x: Axis
    public var y: Axis
    public var series: [Series]
    /// Lines across the whole chart: a baseline, a bound, a chosen value.
    public var references: [ReferenceLine]
    /// In pixels of the viewer's unit; the drawing scales to any size. A legend of more than three rows makes it higher.
    public var width: Double
    public var height: Double
    public var palette: Palette

    public init(
        title: String, subtitle: String = "", x: Axis = Axis(""), y: Axis = Axis(""), series: [Series],
        references: [ReferenceLine] = [], width: Double = 640, height: Double = 420, palette: Palette = .categorical
    ) {
        self.title = title
        self.subtitle = subtitle
        self.x = x
        self.y = y
        self.series = series
        self.references = references
        self.width = width
        self.height = height
        self.palette = palette
    }

    /// The whole document; it can be written to a file or put into an HTML page as it is.
    public var svg: String { Figure([self], columns: 1).svg }
}

/// A point of a series.
public struct Point: Sendable, Equatable {
    public var x: Double
    /// What is not finite is a gap in the line.
    public var y: Double

    public init(_ x: Double, _ y: Double) {
        self.x = x
        self.y = y
    }
}

/// One line or cloud of points with a name in the legend.
public struct Series: Sendable, Equatable {
    public enum Style: Sendable, Equatable {
        case line
        case dashed
        /// A line with a marker at every point.
        case markedLine
        /// A dashed line with a marker at every point.
        case markedDashed
        /// Markers alone.
        case points
    }

    /// Stands in the legend; without one, the series has no entry there.
    public var name: String
    /// In drawing order. On a logarithmic axis, what is not positive is left out.
    public var points: [Point]
    public var style: Style
    /// Index of the colour in the palette; nil: the position among the chart's series.
    public var colour: Int?
    /// Half the width of a band around every point's y, such as a standard deviation; as long as `points`, or empty.
    public var band: [Double]

    public init(_ name: String, points: [Point], style: Style = .line, colour: Int? = nil, band: [Double] = []) {
        self.name = name
        self.points = points
        self.style = style
        self.colour = colour
        self.band = band
    }

    /// A series over 0, 1, 2, ….
    public init(_ name: String, values: [Double], style: Style = .line, colour: Int? = nil) {
        self.init(
            name, points: values.enumerated().map { Point(Double($0.offset), $0.element) }, style: style,
            colour: colour)
    }
}

/// A straight line across the chart, dotted, with a note at its end.
public struct ReferenceLine: Sendable, Equatable {
    public enum Direction: Sendable, Equatable {
        case horizontal
        case vertical
    }

    public var direction: Direction
    public var value: Double
    public var label: String

    /// A line at a value of y.
    public static func horizontal(_ value: Double, _ label: String = "") -> ReferenceLine {
        ReferenceLine(direction: .horizontal, value: value, label: label)
    }

    /// A line at a value of x.
    public static func vertical(_ value: Double, _ label: String = "") -> ReferenceLine {
        ReferenceLine(direction: .vertical, value: value, label: label)
    }
}

/// Colours of series.
public enum Palette: Sendable, Equatable {
    /// Colours that are easy to tell apart, also for the colour-blind (Okabe and Ito 2008).
    case categorical
    /// From dark violet to yellow-green, for series with an order: widths, layers, steps.
    case sequential

    /// Colours before they begin again.
    public var count: Int { self == .categorical ? Self.distinct.count : Self.ramp.count }

    /// - Parameter count: how many colours the chart needs.
    func colour(_ index: Int, of count: Int, _ theme: Theme) -> String {
        switch self {
        case .categorical: (theme.isDark ? Self.light : Self.distinct)[index % Self.distinct.count]
        case .sequential:
            // On dark ground the ramp begins where its colours can be seen.
            Self.ramp[
                count < 2
                    ? (theme.isDark ? Self.ramp.count - 1 : 0)
                    : Int(
                        (Double(theme.isDark ? 3 : 0) + Double(index % count) / Double(count - 1)
                            * Double(Self.ramp.count - (theme.isDark ? 4 : 1))).rounded())
            ]
        }
    }

    private static let distinct = [
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#5f3dc4", "#7f7f7f",
    ]
    /// The same hues, lighter.
    private static let light = [
        "#58b4ee", "#ff8b3d", "#2fd0a0", "#ee9dcb", "#9ad8ff", "#f2c14e", "#b39dff", "#a9a9a9",
    ]
    private static let ramp = [
        "#440154", "#482475", "#414487", "#355f8d", "#2a788e", "#21918c", "#22a884", "#44bf70", "#7ad151", "#b5cf1c",
    ]
}
