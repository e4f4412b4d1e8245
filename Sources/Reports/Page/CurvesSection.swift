import Formatting
import Foundation

/// Places for the curves, which the page's script draws.
enum CurvesSection {
    /// A chart: metrics of the same kind, in training and on held-out text.
    struct Chart: Encodable, Sendable, Equatable {
        var id: String
        var title: String
        var note: String
        var metrics: [String]
        var isLogarithmic = false
        /// Whether the slider smooths it: a schedule has no noise.
        var smooths = true
        /// A held-out quantity to compare with, as a dotted line.
        var reference: String?
    }

    private static let known = [
        Chart(
            id: "corrective_loss", title: "Prediction loss", note: "nats a token", metrics: ["corrective_loss"],
            reference: "unigram_loss"),
        Chart(
            id: "generator_loss", title: "Generator loss", note: "nats a masked token", metrics: ["generator_loss"],
            reference: "unigram_loss"),
        Chart(
            id: "discriminator_loss", title: "Discriminator loss", note: "nats a token", metrics: ["discriminator_loss"]
        ),
        Chart(id: "discriminator_auc", title: "Detection AUC", note: "0.5: chance", metrics: ["discriminator_auc"]),
        Chart(id: "contrastive_loss", title: "Contrastive loss", note: "nats", metrics: ["contrastive_loss"]),
        Chart(
            id: "accuracy", title: "Accuracy of predictions", note: "share of masked tokens",
            metrics: ["corrective_accuracy", "generator_accuracy"]),
        Chart(
            id: "detection", title: "Precision and recall of detection", note: "at a belief of one half",
            metrics: ["discriminator_precision", "discriminator_recall"]),
        Chart(id: "replaced_fraction", title: "Replaced tokens", note: "share of all", metrics: ["replaced_fraction"]),
        Chart(id: "loss", title: "Training objective", note: "weighted sum of the losses", metrics: ["loss"]),
        Chart(id: "learning_rate", title: "Learning rate", note: "", metrics: ["learning_rate"], smooths: false),
        Chart(
            id: "gradient_norm", title: "Gradient norm", note: "before clipping", metrics: ["gradient_norm"],
            isLogarithmic: true),
        Chart(id: "tokens_per_second", title: "Throughput", note: "tokens a second", metrics: ["tokens_per_second"]),
        Chart(
            id: "utilisation", title: "Share of peak", note: "of measured matrix products",
            metrics: ["utilisation"]),
    ]
    /// Told elsewhere, or the same as others.
    private static let left = Set([
        "unigram_entropy", "unigram_loss", "generator_sampled_accuracy", "discriminator_accuracy",
        "contrastive_accuracy", "texts",
    ])

    /// The charts that some run has values for.
    static func charts(_ runs: [RunFacts]) -> [Chart] {
        let names = runs.reduce(into: Set<String>()) { names, run in
            names.formUnion(run.curves.training.metrics.keys)
            names.formUnion(run.curves.heldOut.metrics.keys)
        }
        let covered = known.flatMap(\.metrics)
        let others = names.subtracting(covered).subtracting(left).sorted().map {
            Chart(id: $0, title: $0.replacing("_", with: " "), note: "", metrics: [$0])
        }
        let charts = (known + others).compactMap { chart -> Chart? in
            var chart = chart
            chart.metrics = chart.metrics.filter(names.contains)
            // What a model corrects in replaced text is not what its generator is to predict.
            if chart.id == "corrective_loss", names.contains("generator_loss") { chart.reference = nil }
            return chart.metrics.isEmpty ? nil : chart
        }
        let losses = ["generator_loss", "discriminator_loss", "corrective_loss", "contrastive_loss"]
        return charts.compactMap { chart in
            guard chart.id == "loss" else { return chart }
            let counts = runs.map { run in losses.count { run.curves.training.metrics[$0] != nil } }
            // Of an objective with one loss its weighted sum says nothing more; fine-tuning has this one alone.
            if counts.contains(where: { $0 > 1 }) { return chart }
            if counts.contains(1) { return nil }
            return Chart(id: chart.id, title: "Loss", note: "", metrics: chart.metrics)
        }
    }

    static func html(_ report: ReportFacts) -> HTML {
        let charts = charts(report.runs)
        if charts.isEmpty { return "<p>Nothing has been logged yet.</p>" }
        let figures = charts.map { chart -> HTML in
            """
            <figure class="chart" data-chart="\(chart.id)"><figcaption><h3>\(chart.title)</h3><span class="note">\(chart.note)</span>\
            \(key(chart, isAlone: report.runs.count == 1))</figcaption><div class="plot" role="img" aria-label="\(spoken(chart, report.runs))"></div></figure>
            """
        }
        return """
            <div class="controls" role="toolbar" aria-label="Axes of all charts">
            <div class="segments" role="group" aria-label="Horizontal axis">\
            <button type="button" data-axis="step" aria-pressed="true">Steps</button>\
            <button type="button" data-axis="tokens" aria-pressed="false">Tokens</button>\
            <button type="button" data-axis="hours" aria-pressed="false">Hours</button></div>
            <label><input type="checkbox" data-log="x"> log x</label>
            <label><input type="checkbox" data-log="y"> log y</label>
            <label>Smooth <input type="range" min="0" max="0.98" step="0.02" value="0" data-smooth></label>
            <button type="button" data-reset hidden>Whole run</button>
            </div>
            \(legend(report.runs))
            <p class="note" id="curves-note">\(thinning(report.runs)) Drag across a chart to zoom into all of them.</p>
            <noscript><p>The curves are drawn by a script within this page, which is switched off.</p></noscript>
            <div class="charts">\(figures)</div>
            """
    }

    /// Which of a chart's metrics is which: by colour in one run, by dashes where colours are of runs.
    private static func key(_ chart: Chart, isAlone: Bool) -> HTML {
        guard chart.metrics.count > 1 else { return .empty }
        let parts = chart.metrics.enumerated().map { index, metric -> HTML in
            let comma: HTML = index > 0 ? ", " : .empty
            let name = metric.replacing("_", with: " ")
            return isAlone
                ? "\(comma)<span class=\"run\"><i class=\"swatch s\(index % 8)\"></i>\(name)</span>"
                : "\(comma)\(name)\(index % 2 == 1 ? " (dashed)" : "")"
        }
        return "<div class=\"note\">\(parts)</div>"
    }

    private static func legend(_ runs: [RunFacts]) -> HTML {
        let key: HTML =
            "<span class=\"key\"><i class=\"line\"></i> in training</span><span class=\"key\"><i class=\"dots\"></i> on held-out text</span>"
        if runs.count == 1 { return "<div class=\"legend\">\(key)</div>" }
        let toggles = runs.enumerated().map { index, run -> HTML in
            "<button type=\"button\" data-run=\"\(index)\" aria-pressed=\"true\">\(PageParts.name(run, index))</button>"
        }
        return "<div class=\"legend\">\(toggles)\(key)</div>"
    }

    /// What points stand for.
    private static func thinning(_ runs: [RunFacts]) -> String {
        let thinned = runs.filter { !$0.curves.training.count.isEmpty }
        guard let first = thinned.first else { return "Every line of the log is a point." }
        let lines =
            thinned.count == 1
            ? "\(CountFormat.grouped(first.curves.training.lines)) lines of the log are shown as "
                + "\(CountFormat.grouped(first.curves.training.step.count)) points"
            : "Logs with many lines are shown with about \(CountFormat.grouped(first.curves.training.step.count)) points a curve"
        return "\(lines), each the mean of its stretch in a band from its lowest to its highest value."
    }

    /// For those who do not see the chart.
    private static func spoken(_ chart: Chart, _ runs: [RunFacts]) -> String {
        let values = runs.compactMap { run -> String? in
            let parts = chart.metrics.compactMap { metric -> String? in
                let curve = run.curves.heldOut.metrics[metric] ?? run.curves.training.metrics[metric]
                guard let known = curve?.mean.compactMap(\.self), let first = known.first, let last = known.last else {
                    return nil
                }
                return String(format: "%@ from %.4g to %.4g", metric.replacing("_", with: " "), first, last)
            }
            return parts.isEmpty ? nil : "\(run.name): \(parts.joined(separator: ", "))"
        }
        return "\(chart.title). \(values.joined(separator: "; "))"
    }
}
