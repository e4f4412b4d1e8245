/// The names of the series with samples of their lines, in rows above the data.
struct ChartLegend {
    let height: Double
    let content: String

    private static let size = 11.5
    private static let rowHeight = 17.0
    private static let sample = 20.0
    /// What a chart's height allows for: three rows.
    static let usualHeight = 3 * rowHeight + 2

    init(_ chart: Chart, left: Double, top: Double, right: Double, theme: Theme) {
        var content = ""
        var x = left
        var row = 0.0
        var entries = 0
        for (index, series) in chart.series.enumerated() where !series.name.isEmpty {
            let width = Self.sample + 6 + SVGText.width(series.name, size: Self.size) + 14
            if x + width > right + 14, x > left {
                x = left
                row += 1
            }
            let y = top + 8 + row * Self.rowHeight
            let colour = chart.colour(of: index, theme)
            if series.style != .points {
                let dashed = series.style == .dashed || series.style == .markedDashed
                content += SVGText.line(
                    x, y, x + Self.sample, y, colour: colour, width: 2, dashes: dashed ? "6 4" : "")
            }
            if series.style != .line && series.style != .dashed {
                content += "<circle cx=\"\(SVGText.number(x + Self.sample / 2))\" cy=\"\(SVGText.number(y))\" r=\"3.2\""
                content += " fill=\"\(colour)\" stroke=\"\(theme.ground)\" stroke-width=\"0.8\"/>\n"
            }
            content += SVGText.text(series.name, x: x + Self.sample + 6, y: y + 4, size: Self.size, colour: theme.text)
            x += width
            entries += 1
        }
        self.content = content
        height = entries == 0 ? 0 : (row + 1) * Self.rowHeight + 2
    }
}
