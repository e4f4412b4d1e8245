/// Where the parts of a timeline go, and their SVG.
struct TimelineDrawing {
    private let timeline: Timeline
    private let theme: Theme
    private let axis: ResolvedAxis
    private let legend: ChartLegend
    private let left: Double
    private let right: Double
    private let top: Double

    private static let rowHeight = 20.0
    private static let groupGap = 10.0
    private static let labelSize = 11.0
    private static let padding = 16.0

    init(_ timeline: Timeline, theme: Theme) {
        self.timeline = timeline
        self.theme = theme
        let bars = timeline.rows.flatMap(\.bars)
        axis = ResolvedAxis(Axis(timeline.unit), values: bars.map(\.start) + bars.map(\.end))
        let widest = timeline.rows.map { SVGText.width($0.label, size: Self.labelSize) }.max() ?? 0
        left = Self.padding + widest + 8
        right = timeline.width - Self.padding
        // Names with the colours that their bars have, as of the series of a chart.
        let names = Chart(
            title: "", series: timeline.kinds.map { Series($0, points: [], style: .points) }, width: timeline.width)
        let titles = (timeline.title.isEmpty ? 0.0 : 22) + (timeline.subtitle.isEmpty ? 0 : 16)
        legend = ChartLegend(names, left: Self.padding, top: 12 + titles + 4, right: right, theme: theme)
        top = 12 + titles + legend.height + 10
    }

    private func top(of row: Int) -> Double {
        let gaps = timeline.rows[...row].dropFirst().count { $0.beginsGroup }
        return top + Double(row) * Self.rowHeight + Double(gaps) * Self.groupGap
    }

    var svg: String {
        let bottom = timeline.rows.isEmpty ? top : top(of: timeline.rows.count - 1) + Self.rowHeight
        let size = (SVGText.number(timeline.width), SVGText.number(bottom + 52))
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(size.0) \(size.1)\" width=\"\(size.0)\""
            + " height=\"\(size.1)\" role=\"img\" aria-label=\"\(SVGText.escaped(timeline.title))\""
            + " font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\">\n"
            + "<rect width=\"100%\" height=\"100%\" fill=\"\(theme.ground)\"/>\n" + titles + grid(bottom) + rows
            + legend.content + "</svg>\n"
    }

    private func x(_ time: Double) -> Double { left + (axis.place(time) ?? 0) * (right - left) }

    private var titles: String {
        SVGText.text(timeline.title, x: Self.padding, y: 26, size: 15, colour: theme.title, bold: true)
            + SVGText.text(
                timeline.subtitle, x: Self.padding, y: timeline.title.isEmpty ? 24 : 44, size: 11.5,
                colour: theme.subtitle)
    }

    private func grid(_ bottom: Double) -> String {
        axis.ticks.map { tick in
            let x = x(tick)
            return SVGText.line(x, top, x, bottom, colour: theme.grid)
                + SVGText.text(
                    Ticks.label(tick), x: x, y: bottom + 17, size: Self.labelSize, anchor: .middle, colour: theme.label)
        }.joined()
            + SVGText.text(
                timeline.unit, x: (left + right) / 2, y: bottom + 38, size: 12, anchor: .middle, colour: theme.text)
    }

    private var rows: String {
        timeline.rows.indices.map { index in
            let row = timeline.rows[index]
            let y = top(of: index)
            return SVGText.text(
                row.label, x: left - 7, y: y + Self.rowHeight / 2 + 4, size: Self.labelSize, anchor: .end,
                colour: theme.text) + bars(row, top: y + 3)
        }.joined()
    }

    /// One path for what follows another of its kind: thousands of bars stay a small drawing.
    private func bars(_ row: Timeline.Row, top: Double) -> String {
        var result = ""
        var path = ""
        var kind: Int?
        var end = -Double.infinity
        func close() {
            guard let kind, !path.isEmpty else { return }
            result +=
                "<path d=\"\(path)\" fill=\"\(Palette.categorical.colour(kind, of: timeline.kinds.count, theme))\"/>\n"
            path = ""
        }
        let bottom = SVGText.number(top + Self.rowHeight - 6)
        for bar in row.bars {
            let (from, to) = (x(bar.start), max(x(bar.end), x(bar.start) + 0.5))
            if bar.kind != kind {
                close()
                (kind, end) = (bar.kind, -Double.infinity)
            }
            // Not to be seen beside the one before.
            if to <= end + 0.1 { continue }
            end = to
            path +=
                "M\(SVGText.number(from)) \(SVGText.number(top))H\(SVGText.number(to))V\(bottom)H\(SVGText.number(from))Z"
        }
        close()
        return result
    }
}
