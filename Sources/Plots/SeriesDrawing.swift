/// The line and the markers of one series.
struct SeriesDrawing {
    let content: String

    /// Above this, markers hide each other, and the line is drawn through the extremes of each column of pixels.
    private static let manyPoints = 2000

    /// - Parameters:
    ///   - edge: colour around markers.
    ///   - x, y: from values to the drawing; nil for what the axis cannot show.
    init(_ series: Series, colour: String, edge: String, x: (Double) -> Double?, y: (Double) -> Double?) {
        var runs: [[(x: Double, y: Double)]] = [[]]
        var markers = ""
        let marked = series.style != .line && series.style != .dashed && series.points.count <= Self.manyPoints
        for point in series.points {
            guard let px = x(point.x), let py = y(point.y) else {
                if runs[runs.count - 1].isEmpty == false { runs.append([]) }
                continue
            }
            runs[runs.count - 1].append((px, py))
            guard marked else { continue }
            let name = series.name.isEmpty ? "" : series.name + ": "
            let note = SVGText.escaped("\(name)\(Ticks.label(point.x)), \(Ticks.label(point.y))")
            markers += "<circle cx=\"\(SVGText.number(px))\" cy=\"\(SVGText.number(py))\" r=\"3.2\" fill=\"\(colour)\""
            markers += " stroke=\"\(edge)\" stroke-width=\"0.8\"><title>\(note)</title></circle>\n"
        }
        let dashes = series.style == .dashed || series.style == .markedDashed ? " stroke-dasharray=\"6 4\"" : ""
        var lines = Self.band(series, colour: colour, x: x, y: y)
        if series.style != .points {
            for run in runs where run.count > 1 {
                let points = Self.thinned(run).map { "\(SVGText.number($0.x)),\(SVGText.number($0.y))" }
                lines += "<polyline points=\"\(points.joined(separator: " "))\" fill=\"none\" stroke=\"\(colour)\""
                lines += " stroke-width=\"1.8\" stroke-linejoin=\"round\"\(dashes)/>\n"
            }
            // A point between two gaps has no line to be seen by.
            for run in runs where run.count == 1 && !marked {
                lines += "<circle cx=\"\(SVGText.number(run[0].x))\" cy=\"\(SVGText.number(run[0].y))\" r=\"2\""
                lines += " fill=\"\(colour)\"/>\n"
            }
        }
        content = lines + markers
    }

    /// The stretch around the points, translucent.
    private static func band(
        _ series: Series, colour: String, x: (Double) -> Double?, y: (Double) -> Double?
    ) -> String {
        guard !series.band.isEmpty, series.band.count == series.points.count else { return "" }
        let edges = zip(series.points, series.band).compactMap { point, half -> (Double, Double, Double)? in
            guard let px = x(point.x), let low = y(point.y - half), let high = y(point.y + half) else { return nil }
            return (px, low, high)
        }
        guard edges.count > 1 else { return "" }
        let outline = edges.map { ($0.0, $0.2) } + edges.reversed().map { ($0.0, $0.1) }
        let points = outline.map { "\(SVGText.number($0.0)),\(SVGText.number($0.1))" }.joined(separator: " ")
        return "<polygon points=\"\(points)\" fill=\"\(colour)\" fill-opacity=\"0.15\"/>\n"
    }

    /// First, lowest, highest and last point of every column of pixels, in their order, where there are many points.
    private static func thinned(_ run: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
        guard run.count > manyPoints else { return run }
        var kept: [(x: Double, y: Double)] = []
        var start = 0
        while start < run.count {
            let column = run[start].x.rounded(.down)
            var end = start + 1
            var (low, high) = (start, start)
            while end < run.count, run[end].x.rounded(.down) == column {
                if run[end].y < run[low].y { low = end }
                if run[end].y > run[high].y { high = end }
                end += 1
            }
            for index in Set([start, low, high, end - 1]).sorted() { kept.append(run[index]) }
            start = end
        }
        return kept
    }
}
