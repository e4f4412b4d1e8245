import Foundation
import FoundationXML
import Plots
import Testing

/// Reads a document to its end and counts elements; nil where it is not well-formed XML.
private final class ElementCounter: NSObject, XMLParserDelegate {
    var counts: [String: Int] = [:]
    var texts: [String] = []
    var viewers: [[String: String]] = []

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        counts[name, default: 0] += 1
        if name == "text" { texts.append("") }
        if name == "circle" { viewers.append(attributes) }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
        if !texts.isEmpty { texts[texts.count - 1] += string }
    }

    static func read(_ svg: String) -> ElementCounter? {
        let counter = ElementCounter()
        let parser = XMLParser(data: Data(svg.utf8))
        parser.delegate = counter
        return parser.parse() ? counter : nil
    }
}

@Suite struct ChartTests {
    @Test("A legend of any length leaves the data their room")
    func manySeries() throws {
        /// Of the drawing, and of what shows the data in it.
        func heights(series count: Int) throws -> (whole: Double, data: Double) {
            let series = (0..<count).map { Series("a run with a long name \($0)", points: [Point(0, 1), Point(1, 2)]) }
            let svg = Chart(title: "loss", series: series, width: 560, height: 400).svg
            let heights = svg.matches(of: /<svg [^>]*?\sheight="([0-9.]+)"/).compactMap { Double($0.1) }
            try #require(heights.count == 3)
            return (heights[0], heights[2])
        }
        let few = try heights(series: 6)
        let many = try heights(series: 40)
        #expect(few.whole == 400 && few.data > 250)
        #expect(many.data >= few.data - 40 && many.whole > 400 + 10 * 17, "\(many)")
    }

    @Test func drawsWhatItIsGiven() throws {
        let chart = Chart(
            title: "Loss", x: Axis("learning rate", scale: .logarithmic), y: Axis("loss"),
            series: [
                Series("a", points: [Point(1e-4, 3), Point(1e-3, 2), Point(1e-2, 4)], style: .markedLine),
                Series("b", points: [Point(1e-4, 2), Point(1e-2, 1)], style: .points),
            ], references: [.horizontal(2.5, "entropy")])
        let read = try #require(ElementCounter.read(chart.svg))
        #expect(read.counts["polyline"] == 1)
        // Five points and two samples in the legend.
        #expect(read.counts["circle"] == 7)
        for label in ["Loss", "learning rate", "loss", "a", "b", "entropy", "1e−4", "0.01"] {
            #expect(read.texts.contains { $0.trimmingCharacters(in: .whitespacesAndNewlines) == label }, "\(label)")
        }
        #expect(chart.svg == chart.svg)
    }

    @Test func equalStepsOfALogarithmicAxisAreEquallyFarApart() throws {
        let chart = Chart(
            title: "", x: Axis("", scale: .logarithmic),
            series: [Series("", points: [1, 10, 100].map { Point($0, $0) }, style: .points)])
        let read = try #require(ElementCounter.read(chart.svg))
        let x = read.viewers.compactMap { $0["cx"].flatMap(Double.init) }
        let y = read.viewers.compactMap { $0["cy"].flatMap(Double.init) }
        try #require(x.count == 3 && y.count == 3)
        #expect(abs((x[1] - x[0]) - (x[2] - x[1])) < 0.02)
        #expect(abs((y[1] - y[0]) / (y[2] - y[0]) - 9.0 / 99) < 1e-3)
        #expect(y[2] < y[0], "larger values stand higher")
    }

    @Test(arguments: ["<script>&\"'", "]]>", "a\u{0}b\u{1B}c\u{7F}", "\u{FFFE}", "line\nbreak", "日本語 🙂 العربية"])
    func textCannotBreakTheDocument(_ text: String) throws {
        let chart = Chart(
            title: text, subtitle: text, x: Axis(text), y: Axis(text),
            series: [Series(text, points: [Point(0, 0), Point(1, 1)], style: .markedLine)],
            references: [.vertical(0.5, text)])
        #expect(ElementCounter.read(chart.svg) != nil)
        #expect(!chart.svg.contains("<script"))
    }

    @Test(arguments: [
        [], [Point(.nan, 1)], [Point(1, .infinity)], [Point(0, 0)], [Point(-1, -1), Point(0, 0)],
        [Point(1e300, 1e300), Point(-1e300, -1e300)], [Point(1e-300, 1e-300)], [Point(3, 3), Point(3, 3)],
        [Point(1, 1), Point(1 + 1e-15, 1 + 1e-15)], [Point(.greatestFiniteMagnitude, -.greatestFiniteMagnitude)],
    ])
    func anyNumbersGiveADrawing(_ points: [Point]) {
        for scale in [Axis.Scale.linear, .logarithmic] {
            for style in [Series.Style.line, .markedDashed, .points] {
                let chart = Chart(
                    title: "t", x: Axis("x", scale: scale), y: Axis("y", scale: scale),
                    series: [Series("s", points: points, style: style, band: points.map { _ in 1 })])
                let svg = chart.svg
                #expect(ElementCounter.read(svg) != nil)
                #expect(!svg.contains("nan") && !svg.contains("inf"))
            }
        }
    }

    @Test func aGapParts() throws {
        let points = [Point(0, 1), Point(1, 2), Point(2, .nan), Point(3, 1), Point(4, 2)]
        let read = try #require(ElementCounter.read(Chart(title: "", series: [Series("", points: points)]).svg))
        #expect(read.counts["polyline"] == 2)
    }

    @Test func longSeriesAreThinnedAndKeepTheirExtremes() throws {
        var values = (0..<200_000).map { sin(Double($0) / 5000) }
        values[123_456] = 50
        let svg = Chart(title: "", y: Axis("", range: 0...50), series: [Series("", values: values)]).svg
        #expect(svg.utf8.count < 100_000)
        let spike = Chart(title: "", y: Axis("", range: 0...50), series: [Series("", values: [0, 50, 0])]).svg
        let top = try #require(spike.firstMatch(of: /polyline points="[0-9.]+,[0-9.]+ [0-9.]+,([0-9.]+)/)?.1)
        #expect(svg.contains(",\(top) "))
    }

    @Test func figuresShareAnAxisWhereAsked() throws {
        func chart(_ top: Double) -> Chart {
            Chart(title: "", series: [Series("", points: [Point(0, 0), Point(1, top)], style: .points)])
        }
        func heights(_ figure: Figure) throws -> [Double] {
            try #require(ElementCounter.read(figure.svg)).viewers.compactMap { $0["cy"].flatMap(Double.init) }
        }
        let own = try heights(Figure([chart(1), chart(10)]))
        let shared = try heights(Figure([chart(1), chart(10)], sharesY: true))
        #expect(own[1] == own[3])
        #expect(shared[1] > shared[3])
    }

    @Test(arguments: [0.0, 0.05, 1, 999, 1000, 12_345, 3e-4, 1e6, 2.5e-7, -4])
    func labelsReadBack(_ value: Double) throws {
        let chart = Chart(
            title: "", x: Axis("", range: (value - 1)...(value + 1), ticks: [value]),
            series: [Series("", points: [Point(value, 0)])])
        let read = try #require(ElementCounter.read(chart.svg))
        let texts = read.texts.map {
            $0.trimmingCharacters(in: .whitespacesAndNewlines).replacing("−", with: "-").replacing(",", with: "")
        }
        #expect(texts.contains { Double($0) == value }, "\(texts)")
    }

    @Test func timelinesHaveARowForEveryThread() throws {
        let timeline = Timeline(
            title: "Step 5", unit: "milliseconds", kinds: ["forward", "backward", ""],
            rows: [
                // Of one kind in a row: a single path.
                Timeline.Row("a", bars: (0..<100).map { .init(start: Double($0), end: Double($0) + 0.9, kind: 0) }),
                Timeline.Row(
                    "b & c",
                    bars: [
                        .init(start: 0, end: 50, kind: 0), .init(start: 50, end: 80, kind: 1),
                        .init(start: 80, end: 99, kind: 0),
                    ], beginsGroup: true),
                Timeline.Row("idle", bars: []),
            ])
        let drawn = try #require(ElementCounter.read(timeline.svg))
        #expect(drawn.counts["path"] == 4)
        let texts = drawn.texts.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        for text in ["Step 5", "a", "b & c", "idle", "forward", "backward", "milliseconds", "100"] {
            #expect(texts.contains(text), "\(text)")
        }
        let empty = Timeline(title: "", unit: "", kinds: [], rows: [])
        #expect(ElementCounter.read(empty.svg) != nil)
    }

    /// Bounds that no Double has any more, once there is a margin around them.
    @Test(arguments: [[1e-300, 1e300], [1.7e308, 1.7e308], [5e-324, 5e-324]])
    func extremesHaveAnAxis(_ values: [Double]) throws {
        let points = values.enumerated().map { Point(Double($0), $1) }
        for scale in [Axis.Scale.logarithmic, .linear] {
            let chart = Chart(title: "", y: Axis("", scale: scale), series: [Series("", points: points)])
            #expect(ElementCounter.read(chart.svg) != nil)
        }
    }
}
