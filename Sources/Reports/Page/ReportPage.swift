import Checkpoints
import Foundation
import Runs

/// A report as a single HTML page: no network, no other files. The curves are drawn by a script within it.
public struct ReportPage {
    public let report: ReportFacts

    public init(_ report: ReportFacts) { self.report = report }

    /// What a live page fetches: sections by id, and the numbers of the curves.
    public struct Update: Encodable {
        public var title: String
        /// HTML.
        public var made: String
        public var state: String
        /// Links to the sections.
        public var navigation: String
        public var sections: [String: String]
        public var data: PageData
    }

    /// What the script draws.
    public struct PageData: Encodable {
        struct Run: Encodable {
            var name: String
            var curves: CurveFacts
        }

        var runs: [Run]
        var charts: [CurvesSection.Chart]
        var layers: [String: [String: [LayerCurves.Curve]]]
    }

    public var update: Update {
        Update(
            title: title, made: PageParts.time(report.made).text,
            state: report.runs.count == 1 ? OverviewSection.badge(report.runs[0].status).text : "",
            navigation: navigation.text,
            sections: Dictionary(uniqueKeysWithValues: sections.map { ($0.id, $0.content.text) }), data: data)
    }

    private var data: PageData {
        PageData(
            runs: report.runs.map { PageData.Run(name: HTML.plain($0.name), curves: $0.curves) },
            charts: CurvesSection.charts(report.runs), layers: LayerCurves.all(report.results))
    }

    /// The whole document.
    ///
    /// - Parameter isLive: whether it asks its server for news.
    public func html(isLive: Bool = false) throws -> String {
        let style = Self.resource(PackageResources.report_css)
        let script = Self.resource(PackageResources.report_js)
        let encoded = String(decoding: try Self.encoder.encode(data), as: UTF8.self)
        let policy =
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-\(Self.digest(script))'"
            + (isLive ? "; connect-src 'self'" : "") + "; base-uri 'none'; form-action 'none'"
        let body = sections.map { PageParts.section($0.id, $0.title, $0.content) }
        let page: HTML = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark"><meta http-equiv="Content-Security-Policy" content="\(policy)">
            <meta name="generator" content="\(report.program)"><meta name="referrer" content="no-referrer">
            <title>\(title)</title><style>\(HTML(trusted: style))</style></head>
            <body\(isLive ? " data-live=\"update\"" as HTML : .empty)>
            <header><div><h1>\(title)</h1>\(states)<p class="note">\(isLive ? "live" : "made") <span id="made">\(PageParts.time(report.made))</span> by \
            \(report.program)</p></div>\
            <button type="button" data-theme aria-label="Colours: as the system has them">◐</button></header>
            <nav aria-label="Sections">\(navigation)</nav>
            <main>\(body)</main>
            <script type="application/json" id="report-data">\(HTML.json(encoded))</script>
            <script>\(HTML(trusted: script))</script>
            </body></html>

            """
        return page.text
    }

    public var title: String {
        report.runs.count == 1
            ? report.runs[0].name : "\(report.runs.count) runs: " + report.runs.map(\.name).joined(separator: ", ")
    }

    private var states: HTML {
        report.runs.count == 1 ? "<span id=\"state\">\(OverviewSection.badge(report.runs[0].status))</span>" : .empty
    }

    private var navigation: HTML { "\(sections.map { "<a href=\"#\($0.id)\">\($0.short)</a>" as HTML })" }

    private var sections: [(id: String, short: String, title: String, content: HTML)] {
        let runs = report.runs
        let alarms = runs.reduce(0) { $0 + $1.alarms.count }
        var sections: [(id: String, short: String, title: String, content: HTML)] = [
            ("overview", "Overview", "Overview", OverviewSection.html(report)),
            ("alarms", alarms > 0 ? "Alarms (\(alarms))" : "Alarms", "Alarms", SetupSection.alarms(runs)),
            ("curves", "Curves", "How it went", CurvesSection.html(report)),
            ("learned", "Learned", "What it learned", LearnedSection.html(report)),
        ]
        if !report.results.isEmpty {
            sections.append(("results", "Results", "What was made of it", ResultsSection.html(report)))
        }
        sections += [
            ("configuration", "Configuration", "Configuration", SetupSection.configuration(runs)),
            ("text", "Text", "Text and vocabulary", SetupSection.text(runs)),
            ("machine", "Machine", "Machine and cost", SetupSection.machine(runs)),
            ("checkpoints", "Checkpoints", "Checkpoints", SetupSection.checkpoints(runs)),
            ("next", "Next", "How to go on", SetupSection.next(runs)),
        ]
        return sections
    }

    /// Of the curves and of a live page's news.
    public static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return encoder
    }

    private static func resource(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// As a content security policy wants it.
    private static func digest(_ script: String) -> String {
        let hexadecimal = Data(script.utf8).withUnsafeBytes { SHA256Hasher.digest($0) }
        var digits = hexadecimal[...]
        var bytes: [UInt8] = []
        while digits.count >= 2 {
            bytes.append(UInt8(digits.prefix(2), radix: 16) ?? 0)
            digits = digits.dropFirst(2)
        }
        return Data(bytes).base64EncodedString()
    }
}
