import Foundation

/// The report as one HTML page that needs nothing else: plots are inline, the table's sorting is a few lines of script.
struct HTMLReport {
    let text: String

    init(_ report: TransferReport) {
        let title = "Hyperparameters from width \(report.proxyWidth) for width \(report.targetWidth)"
        var body = "<h1>\(Self.escaped(title))</h1>\n"
        body += Self.summary(report)
        if let verification = report.verification {
            body += "<h2>Verification \(Self.badge(verification.passes))</h2>\n<ul>"
            body += verification.findings.map { "<li>\(Self.escaped($0))</li>" }.joined() + "</ul>\n"
            body += "<figure>\(verification.figure.svg)</figure>\n" + Self.sweepTable(verification)
        }
        body += "<h2>Search</h2>\n"
        body += report.figures.filter { $0.name == "search" }.map { "<figure>\($0.figure.svg)</figure>\n" }.joined()
        body += Self.trialTable(report)
        if let coordinates = report.coordinates {
            body += "<h2>Coordinate check \(Self.badge(coordinates.passes))</h2>\n"
            body +=
                "<p>Slopes of log size against log width within ±\(coordinates.maximalUpdate.tolerance), over widths "
                + coordinates.widths.map(String.init).joined(separator: ", ")
                + ". Under the standard parametrization: \(Self.badge(coordinates.standard.passes))</p>\n"
            body += "<figure>\(coordinates.figure.svg)</figure>\n"
        }
        body += "<h2>Commands</h2>\n<p>This search; the target; the best trial once more or on.</p>\n"
        body += "<pre>\(Self.escaped(report.commands.joined(separator: "\n")))</pre>\n"
        body += "<details><summary>\(Self.escaped(report.configuration))</summary>"
        body += "<pre>\(Self.escaped(report.configurationText))</pre></details>\n"
        text = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(Self.escaped(title))</title>
            <style>\(Self.style)</style></head>
            <body><main>
            \(body)</main>
            <script>\(Self.script)</script>
            </body></html>

            """
    }

    private static func number(_ value: Double) -> String { TransferReport.number(value) }

    private static func badge(_ passes: Bool) -> String {
        "<span class=\"\(passes ? "pass" : "fail")\">\(passes ? "passed" : "failed")</span>"
    }

    private static func summary(_ report: TransferReport) -> String {
        func card(_ label: String, _ value: String) -> String {
            "<div class=\"card\"><span>\(escaped(label))</span><b>\(escaped(value))</b></div>"
        }
        let values = report.values.sorted { $0.key.rawValue < $1.key.rawValue }
            .map { card(TransferReport.words($0.key), number($0.value)) }
        var text = "<div class=\"cards\">" + values.joined()
        text += card("cost of the search", "\(number(100 * report.costShare)) % of the target")
        text += card("trials", "\(report.rungs.reduce(0) { $0 + $1.trials.count })")
        text += "</div>\n<ul><li>Expected loss: \(escaped(report.expectation))</li>"
        text += report.notes.map { "<li>\(escaped($0))</li>" }.joined()
        return text + "</ul>\n"
    }

    private static func trialTable(_ report: TransferReport) -> String {
        let names = Hyperparameter.allCases.filter { report.values[$0] != nil }
        let header =
            ["trial", "rung", "steps"] + names.map(TransferReport.words)
            + ["loss", "generator", "discriminator", "AUC", "own loss", "own discriminator", "spread", "diverged at"]
        var rows = ""
        for (index, rung) in report.rungs.enumerated() {
            for trial in rung.trials {
                func cell(_ value: Double?) -> String {
                    value.map { "<td data-value=\"\($0)\">\(number($0))</td>" } ?? "<td></td>"
                }
                rows += trial.name == report.bestTrial.name ? "<tr class=\"best\">" : "<tr>"
                rows += "<td>\(escaped(trial.name))</td>" + cell(Double(index + 1)) + cell(Double(trial.steps))
                rows += names.map { cell(trial.values[$0]) }.joined() + cell(trial.loss(report.metric))
                rows += cell(trial.generatorLoss) + cell(trial.fixedDiscriminatorLoss ?? trial.discriminatorLoss)
                rows += cell(trial.fixedDiscriminatorAuc ?? trial.discriminatorAuc)
                rows += cell(trial.totalLoss) + cell(trial.discriminatorLoss) + cell(trial.spread)
                rows += cell(trial.divergedAt.map(Double.init)) + "</tr>\n"
            }
        }
        return "<p>A click on a heading sorts.</p>\n<table class=\"sortable\"><thead><tr>"
            + header.map { "<th>\(escaped($0))</th>" }.joined() + "</tr></thead>\n<tbody>\(rows)</tbody></table>\n"
    }

    private static func sweepTable(_ verification: Verification) -> String {
        let rows = verification.sweeps.map { sweep in
            let best = sweep.best(verification.metric)?.rate
            let cells = sweep.results.map { result in
                let text = result.loss(verification.metric).map(number) ?? "diverged"
                return result.values[sweep.rate] == best ? "<td class=\"best\">\(text)</td>" : "<td>\(text)</td>"
            }
            return
                "<tr><td>\(sweep.isStandard ? "standard" : "muP")</td><td>\(sweep.width)</td>\(cells.joined())</tr>\n"
        }
        return "<table><thead><tr><th>parametrization</th><th>width</th>"
            + verification.rates.map { "<th>\(number($0))</th>" }.joined()
            + "</tr></thead>\n<tbody>\(rows.joined())</tbody></table>\n"
    }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }

    private static let style = """
        body{font:15px/1.5 system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;margin:0;background:#f4f5f7;color:#1c1e21}
        main{max-width:1180px;margin:0 auto;padding:24px}
        h1{font-size:26px;margin:8px 0 20px}h2{font-size:19px;margin:34px 0 10px}
        .cards{display:flex;flex-wrap:wrap;gap:12px;margin-bottom:14px}
        .card{background:#fff;border:1px solid #e0e3e8;border-radius:8px;padding:10px 16px}
        .card span{display:block;color:#667;font-size:13px}.card b{font-size:20px}
        figure{margin:12px 0;background:#fff;border:1px solid #e0e3e8;border-radius:8px;padding:10px;overflow-x:auto}
        figure svg{max-width:100%;height:auto}
        table{border-collapse:collapse;background:#fff;border:1px solid #e0e3e8;font-size:13.5px;font-variant-numeric:tabular-nums}
        th,td{padding:5px 11px;border-bottom:1px solid #edeff2;text-align:right}th:first-child,td:first-child{text-align:left}
        th{background:#fafbfc}.sortable th{cursor:pointer}.best,.best td{background:#e6f4ea;font-weight:600}
        .pass,.fail{font-size:13px;padding:2px 9px;border-radius:10px;vertical-align:middle}
        .pass{background:#d9f2e0;color:#13642d}.fail{background:#fde0dc;color:#a31515}
        pre{background:#fff;border:1px solid #e0e3e8;border-radius:8px;padding:12px;overflow-x:auto;font-size:13px}
        details{margin-top:10px}summary{cursor:pointer}
        """

    /// Sorts by number where a cell has one; what has none goes to the end.
    private static let script = """
        document.querySelectorAll('table.sortable th').forEach((th,i)=>th.addEventListener('click',()=>{
        const body=th.closest('table').tBodies[0],down=th.dataset.down==='1';th.dataset.down=down?'':'1';
        const key=row=>{const c=row.cells[i],v=c.dataset.value;return v===undefined?c.textContent:+v};
        [...body.rows].sort((a,b)=>{const x=key(a),y=key(b);
        if((x==='')!==(y===''))return x===''?1:-1;
        const d=typeof x==='number'&&typeof y==='number'?x-y:String(x).localeCompare(String(y));return down?-d:d})
        .forEach(row=>body.appendChild(row))}));
        """
}
