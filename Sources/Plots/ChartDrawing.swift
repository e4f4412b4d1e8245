/// Where the parts of one chart go, and their SVG.
struct ChartDrawing {
    private let chart: Chart
    private let xAxis: ResolvedAxis
    private let yAxis: ResolvedAxis
    private let legend: ChartLegend
    private let theme: Theme
    /// The area of the data.
    private let left: Double
    private let top: Double
    private let right: Double
    private let bottom: Double
    /// The chart's own, and room for a legend of many rows, which would leave none to the data.
    let height: Double

    private static let labelSize = 11.0
    private static let padding = 16.0

    init(_ chart: Chart, commonY: [Double], theme: Theme) {
        self.chart = chart
        self.theme = theme
        xAxis = ResolvedAxis(chart.x, values: chart.valuesOfX)
        yAxis = ResolvedAxis(chart.y, values: commonY.isEmpty ? chart.valuesOfY : commonY)
        let widest = yAxis.ticks.map { SVGText.width(Ticks.label($0), size: Self.labelSize) }.max() ?? 0
        left = Self.padding + (chart.y.label.isEmpty ? 0 : 20) + widest + 8
        right = chart.width - Self.padding - 6
        let titles = (chart.title.isEmpty ? 0.0 : 22) + (chart.subtitle.isEmpty ? 0 : 16)
        legend = ChartLegend(chart, left: left, top: 12 + titles + 4, right: right, theme: theme)
        top = 12 + titles + legend.height + 10
        height = chart.height + max(0, legend.height - ChartLegend.usualHeight)
        bottom = height - 12 - 20 - (chart.x.label.isEmpty ? 0 : 20)
    }

    var content: String { titles + grid + data + references + frame + legend.content }

    private func x(_ value: Double) -> Double? { xAxis.place(value).map { left + $0 * (right - left) } }
    private func y(_ value: Double) -> Double? { yAxis.place(value).map { bottom - $0 * (bottom - top) } }

    private var titles: String {
        SVGText.text(chart.title, x: Self.padding, y: 26, size: 15, colour: theme.title, bold: true)
            + SVGText.text(
                chart.subtitle, x: Self.padding, y: chart.title.isEmpty ? 24 : 44, size: 11.5, colour: theme.subtitle)
    }

    private var grid: String {
        var result = ""
        for tick in xAxis.minorTicks { if let x = x(tick) { result += vertical(x, theme.minorGrid) } }
        for tick in yAxis.minorTicks { if let y = y(tick) { result += horizontal(y, theme.minorGrid) } }
        var end = -Double.infinity
        for tick in xAxis.ticks {
            guard let x = x(tick) else { continue }
            result += vertical(x, theme.grid)
            let label = Ticks.label(tick)
            let half = SVGText.width(label, size: Self.labelSize) / 2
            // Labels that would run into each other are left out.
            guard x - half > end + 4 else { continue }
            end = x + half
            result += SVGText.text(
                label, x: x, y: bottom + 17, size: Self.labelSize, anchor: .middle, colour: theme.label)
        }
        for tick in yAxis.ticks {
            guard let y = y(tick) else { continue }
            result += horizontal(y, theme.grid)
            result += SVGText.text(
                Ticks.label(tick), x: left - 7, y: y + 4, size: Self.labelSize, anchor: .end, colour: theme.label)
        }
        return result
    }

    private func vertical(_ x: Double, _ colour: String) -> String { SVGText.line(x, top, x, bottom, colour: colour) }
    private func horizontal(_ y: Double, _ colour: String) -> String { SVGText.line(left, y, right, y, colour: colour) }

    private var frame: String {
        let middle = (top + bottom) / 2
        return SVGText.line(left, bottom, right, bottom, colour: theme.axis)
            + SVGText.line(left, top, left, bottom, colour: theme.axis)
            + SVGText.text(
                chart.x.label, x: (left + right) / 2, y: height - 12, size: 12, anchor: .middle,
                colour: theme.text)
            + SVGText.text(
                chart.y.label, x: Self.padding + 8, y: middle, size: 12, anchor: .middle, colour: theme.text,
                rotated: true)
    }

    /// Lines and points, cut off at the frame: a nested drawing needs no identifier for that.
    private var data: String {
        let (width, height) = (right - left, bottom - top)
        guard width > 0, height > 0 else { return "" }
        let number = SVGText.number
        var result = "<svg x=\"\(number(left - 5))\" y=\"\(number(top - 5))\" width=\"\(number(width + 10))\""
        result += " height=\"\(number(height + 10))\""
        result += " viewBox=\"\(number(left - 5)) \(number(top - 5)) \(number(width + 10)) \(number(height + 10))\">\n"
        for (index, series) in chart.series.enumerated() {
            result +=
                SeriesDrawing(series, colour: chart.colour(of: index, theme), edge: theme.ground, x: x, y: y).content
        }
        return result + "</svg>\n"
    }

    private var references: String {
        chart.references.map { line in
            switch line.direction {
            case .horizontal:
                guard let y = y(line.value), y >= top - 0.5, y <= bottom + 0.5 else { return "" }
                return SVGText.line(left, y, right, y, colour: theme.reference, dashes: "2 3")
                    + SVGText.text(
                        line.label, x: right - 4, y: y - 5, size: Self.labelSize, anchor: .end, colour: theme.reference)
            case .vertical:
                guard let x = x(line.value), x >= left - 0.5, x <= right + 0.5 else { return "" }
                let fits = x + 5 + SVGText.width(line.label, size: Self.labelSize) < right
                return SVGText.line(x, top, x, bottom, colour: theme.reference, dashes: "2 3")
                    + SVGText.text(
                        line.label, x: fits ? x + 5 : x - 5, y: top + 12, size: Self.labelSize,
                        anchor: fits ? .start : .end, colour: theme.reference)
            }
        }.joined()
    }
}

extension Chart {
    var valuesOfX: [Double] {
        series.flatMap { $0.points.filter { y.shows($0.y) }.map(\.x) }
            + references.filter { $0.direction == .vertical }.map(\.value)
    }

    var valuesOfY: [Double] {
        series.flatMap { series in
            series.points.enumerated().filter { x.shows($0.element.x) }.flatMap { index, point in
                let half = series.band.indices.contains(index) ? series.band[index] : 0
                return half > 0 ? [point.y - half, point.y + half] : [point.y]
            }
        } + references.filter { $0.direction == .horizontal }.map(\.value)
    }

    func colour(of index: Int, _ theme: Theme) -> String {
        let indices = series.enumerated().map { $0.element.colour ?? $0.offset }
        return palette.colour(max(0, indices[index]), of: (indices.max() ?? 0) + 1, theme)
    }
}
