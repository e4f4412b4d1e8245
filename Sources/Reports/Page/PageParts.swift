import Formatting
import Foundation

/// Parts that sections are made of.
enum PageParts {
    static func section(_ id: String, _ title: String, _ content: HTML) -> HTML {
        "<section id=\"\(id)\"><h2>\(title)</h2>\(content)</section>\n"
    }

    /// A table that scrolls by itself where it is wider than the page.
    ///
    /// - Parameter numeric: columns of numbers.
    static func table(_ header: [HTML], _ rows: [[HTML]], numeric: Set<Int> = [], isHeaded: Bool = true) -> HTML {
        let head = header.enumerated().map { index, cell -> HTML in
            "<th scope=\"col\"\(numeric.contains(index) ? " class=\"n\"" as HTML : .empty)>\(cell)</th>"
        }
        let body = rows.map { row -> HTML in
            let cells = row.enumerated().map { index, cell -> HTML in
                if index == 0, isHeaded { return "<th scope=\"row\">\(cell)</th>" }
                return "<td\(numeric.contains(index) ? " class=\"n\"" as HTML : .empty)>\(cell)</td>"
            }
            return "<tr>\(cells)</tr>"
        }
        let headRow: HTML = header.isEmpty ? .empty : "<thead><tr>\(head)</tr></thead>"
        return "<div class=\"scroll\" tabindex=\"0\"><table>\(headRow)<tbody>\(body)</tbody></table></div>"
    }

    static func text(_ content: String) -> HTML { "\(content)" }

    static func code(_ content: String) -> HTML { "<code>\(content)</code>" }

    /// A digest by its beginning; whole on hovering and for copying.
    static func digest(_ sha256: String?) -> HTML {
        sha256.map { "<code class=\"digest\" title=\"SHA-256 \($0)\">\($0)</code>" } ?? "–"
    }

    /// A run's name with its colour.
    static func name(_ run: RunFacts, _ index: Int) -> HTML {
        "<span class=\"run\"><i class=\"swatch s\(index % 8)\(index >= 8 ? " dashed" as HTML : .empty)\"></i>\(run.name)</span>"
    }

    static func details(_ summary: String, _ content: HTML, isOpen: Bool = false) -> HTML {
        "<details\(isOpen ? " open" as HTML : .empty)><summary>\(summary)</summary>\(content)</details>"
    }

    static func time(_ seconds: Double?) -> HTML {
        guard let seconds, seconds.isFinite, abs(seconds) < 1e11 else { return "–" }
        let text = Date(timeIntervalSince1970: seconds).formatted(.iso8601)
        return "<time datetime=\"\(text)\">\(text.replacing("T", with: " ").replacing("Z", with: " UTC"))</time>"
    }

    static func number(_ value: Double?, _ format: String) -> String {
        value.map { String(format: format, locale: nil, $0) } ?? "–"
    }

    static func percent(_ value: Double?) -> String {
        value.map { String(format: "%.1f %%", locale: nil, 100 * $0) } ?? "–"
    }
}
