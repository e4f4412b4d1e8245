/// Several charts side by side in one drawing.
public struct Figure: Sendable, Equatable {
    public var charts: [Chart]
    /// Charts of a row.
    public var columns: Int
    /// Give the charts of a row the same extent of y, so that they can be compared by eye.
    public var sharesY: Bool
    public var theme: Theme

    public init(_ charts: [Chart], columns: Int = 2, sharesY: Bool = false, theme: Theme = .light) {
        self.charts = charts
        self.columns = max(1, columns)
        self.sharesY = sharesY
        self.theme = theme
    }

    /// The whole document.
    public var svg: String {
        var body = ""
        var y = 0.0
        var width = 0.0
        for start in stride(from: 0, to: charts.count, by: columns) {
            let row = Array(charts[start..<min(start + columns, charts.count)])
            let common = sharesY ? row.flatMap(\.valuesOfY) : []
            var x = 0.0
            let drawings = row.map { ChartDrawing($0, commonY: common, theme: theme) }
            for (chart, drawing) in zip(row, drawings) {
                body += "<svg x=\"\(SVGText.number(x))\" y=\"\(SVGText.number(y))\""
                body += " width=\"\(SVGText.number(chart.width))\" height=\"\(SVGText.number(drawing.height))\">\n"
                body += drawing.content
                body += "</svg>\n"
                x += chart.width
            }
            width = max(width, x)
            y += drawings.map(\.height).max() ?? 0
        }
        let size = (SVGText.number(width), SVGText.number(y))
        let name = charts.map(\.title).filter { !$0.isEmpty }.joined(separator: "; ")
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(size.0) \(size.1)\" width=\"\(size.0)\""
            + " height=\"\(size.1)\" role=\"img\" aria-label=\"\(SVGText.escaped(name))\""
            + " font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\">\n"
            + "<rect width=\"100%\" height=\"100%\" fill=\"\(theme.ground)\"/>\n\(body)</svg>\n"
    }
}
