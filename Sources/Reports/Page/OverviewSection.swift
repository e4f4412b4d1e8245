import Formatting
import Foundation

/// The first thing on the page: how runs stand, in a few figures.
enum OverviewSection {
    static func html(_ report: ReportFacts) -> HTML {
        report.runs.count == 1 ? tiles(report.runs[0]) : comparison(report.runs)
    }

    static func badge(_ status: RunStatus) -> HTML {
        let word =
            switch status.state {
            case .running: "running"
            case .finished: "finished"
            case .stopped: "stopped"
            case .failed: "failed"
            case .abandoned: "given up"
            case .interrupted: "broken off"
            case .empty: "nothing logged yet"
            }
        return
            "<span class=\"badge \(status.state.rawValue)\"\(status.message.map { " title=\"\($0)\"" as HTML } ?? .empty)>\(word)</span>"
    }

    // MARK: - One run

    private static func tiles(_ run: RunFacts) -> HTML {
        let progress = run.progress
        let share = progress.steps.map { Double(progress.step) / Double(max(1, $0)) }
        let bar: HTML =
            share.map {
                "<progress max=\"1\" value=\"\(PageParts.number(min(1, $0), "%.4f"))\">\(PageParts.percent($0))</progress>"
            }
            ?? .empty
        var tiles = [
            tile(
                "Steps", CountFormat.grouped(progress.step),
                progress.steps.map { $0 == progress.step ? "all of them" : "of \(CountFormat.grouped($0))" } ?? "", bar)
        ]
        if let left = progress.secondsLeft {
            tiles.append(tile("Left", DurationFormat.text(left), "at the pace of late"))
        }
        tiles += heldOut(run)
        // The log of an earlier fine-tuning tells neither.
        if progress.seconds > 0 {
            tiles.append(
                tile(
                    "Time", DurationFormat.text(progress.seconds),
                    progress.secondsAreEstimated ? "of steps, from their speeds" : cost(run)))
        }
        if progress.tokens > 0 { tiles.append(tile("Tokens", CountFormat.text(progress.tokens), passes(run))) }
        if let model = run.model {
            tiles.append(
                tile(
                    "Model", model.parameters.map { "\(CountFormat.text($0))" } ?? "–",
                    "parameters, \(model.layers) layers of \(model.hiddenSize)"))
        }
        if let speed = median(run, "tokens_per_second") {
            let peak = median(run, "utilisation").map { String(format: "%.0f %% of the measured peak", 100 * $0) } ?? ""
            tiles.append(tile("Tokens a second", CountFormat.grouped(speed), peak))
        }
        return "<div class=\"tiles\">\(tiles)</div>"
    }

    private static func tile(_ title: String, _ figure: String, _ note: String, _ more: HTML = .empty) -> HTML {
        "<div class=\"tile\"><h3>\(title)</h3><p class=\"figure\">\(figure)</p>\(more)<p class=\"note\">\(note)</p></div>"
    }

    private static func heldOut(_ run: RunFacts) -> [HTML] {
        var tiles: [HTML] = []
        // Of masked tokens: what a model corrects in replaced text has no such yardstick.
        let masked = run.heldOut["generator_loss"] == nil ? "corrective_loss" : "generator_loss"
        for (name, title) in [("corrective_loss", "Prediction loss"), ("generator_loss", "Generator loss")] {
            guard let loss = run.heldOut[name] else { continue }
            let frequencies = name == masked ? run.heldOut["unigram_loss"] : nil
            let note =
                frequencies.map { String(format: "on held-out text; word frequencies alone: %.3f", $0) }
                ?? "on held-out text"
            tiles.append(tile(title, PageParts.number(loss, "%.3f"), note))
        }
        if let auc = run.heldOut["discriminator_auc"] {
            tiles.append(tile("Detection AUC", PageParts.number(auc, "%.3f"), "on held-out text; chance: 0.5"))
        }
        return Array(tiles.prefix(3))
    }

    private static func cost(_ run: RunFacts) -> String {
        run.cost.coreHours.map { "\(PageParts.number($0, $0 < 10 ? "%.2f" : "%.0f")) core-hours" } ?? ""
    }

    private static func passes(_ run: RunFacts) -> String {
        guard let sources = run.corpus?.sources, let first = sources.first else { return "" }
        if sources.count > 1 { return "of \(sources.count) sources" }
        return first.passes == 0
            ? "less than one pass" : first.passes == 1 ? "after one pass" : "after \(first.passes) passes"
    }

    static func median(_ run: RunFacts, _ metric: String) -> Double? {
        let values = (run.curves.training.metrics[metric]?.mean ?? []).compactMap(\.self).sorted()
        return values.isEmpty ? nil : values[values.count / 2]
    }

    // MARK: - Several runs

    private static func comparison(_ runs: [RunFacts]) -> HTML {
        var rows: [[HTML]] = []
        func row(_ title: String, _ value: (RunFacts) -> HTML?) {
            let cells = runs.map(value)
            if cells.contains(where: { $0 != nil }) { rows.append([PageParts.text(title)] + cells.map { $0 ?? "–" }) }
        }
        /// The best of a row stands out.
        func figures(_ title: String, _ name: String, _ format: String, lowest: Bool) {
            let values = runs.map { $0.heldOut[name] }
            let known = values.compactMap(\.self)
            guard let best = lowest ? known.min() : known.max() else { return }
            rows.append(
                [PageParts.text(title)]
                    + values.map { value in
                        guard let value else { return "–" }
                        let text = PageParts.number(value, format)
                        return value == best && known.count > 1 ? "<strong>\(text)</strong>" : "\(text)"
                    })
        }
        row("state") { badge($0.status) }
        row("steps") { run in
            "\(CountFormat.grouped(run.progress.step))\(run.progress.steps.map { " of \(CountFormat.grouped($0))" } ?? "")"
        }
        figures("prediction loss, held out", "corrective_loss", "%.4f", lowest: true)
        figures("generator loss, held out", "generator_loss", "%.4f", lowest: true)
        figures("discriminator loss, held out", "discriminator_loss", "%.4f", lowest: true)
        figures("detection AUC, held out", "discriminator_auc", "%.4f", lowest: false)
        row("tokens") { PageParts.text(CountFormat.text($0.progress.tokens)) }
        row("time") {
            PageParts.text(
                DurationFormat.text($0.progress.seconds) + ($0.progress.secondsAreEstimated ? " (from speeds)" : ""))
        }
        row("core-hours") { run in run.cost.coreHours.map { PageParts.text(PageParts.number($0, "%.2f")) } }
        row("parameters") { run in run.model?.parameters.map { PageParts.text(CountFormat.text($0)) } }
        row("tokens a second") { run in
            median(run, "tokens_per_second").map { PageParts.text(CountFormat.grouped($0)) }
        }
        row("share of peak") { run in
            median(run, "utilisation").map { PageParts.text(String(format: "%.0f %%", 100 * $0)) }
        }
        return PageParts.table(
            ["run"] + runs.enumerated().map { PageParts.name($1, $0) }, rows, numeric: Set(1...max(1, runs.count)))
    }
}
