import Formatting

/// The report as Markdown; plots are links to the SVG files beside it.
struct MarkdownReport {
    let text: String

    init(_ report: TransferReport) {
        func number(_ value: Double?) -> String { value.map(TransferReport.number) ?? "diverged" }
        var lines = [
            "# Hyperparameters from width \(report.proxyWidth) for width \(report.targetWidth)", "",
            "| hyperparameter | value |", "|---|---|",
        ]
        for (name, value) in report.values.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            lines.append("| \(TransferReport.words(name)) | \(number(value)) |")
        }
        lines += [
            "", "- Configuration for the target: `\(report.configuration)`",
            "- Cost of the search: \(number(report.searchFlops)) FLOP, \(number(100 * report.costShare)) % of the target's "
                + number(report.targetFlops), "- Expected loss: \(report.expectation)",
        ]
        lines += report.notes.map { "- \($0)" }
        lines += ["", "![search](search.svg)"]
        if let verification = report.verification {
            lines += ["", "## Verification: \(verification.passes ? "passed" : "failed")", ""]
            lines += verification.findings.map { "- \($0)" } + ["", "![verification](verification.svg)", ""]
            lines.append(Self.table(verification))
        }
        if let coordinates = report.coordinates {
            lines += ["", "## Coordinate check: \(coordinates.passes ? "passed" : "failed")", ""]
            lines += [
                "Widths \(coordinates.widths.map(String.init).joined(separator: ", ")). Under the standard parametrization it "
                    + "\(coordinates.standard.passes ? "passes" : "fails") too.".replacing("fails too", with: "fails"),
                "", "![coordinate check](coordinate-check.svg)",
            ]
        }
        for (index, rung) in report.rungs.enumerated() {
            lines += ["", "## Rung \(index + 1): \(rung.steps) steps", ""]
            lines.append(Self.table(rung.trials, metric: report.metric))
        }
        lines += ["", "## Commands", "", "```"] + report.commands + ["```", ""]
        text = lines.joined(separator: "\n")
    }

    private static func table(_ trials: [TrialResult], metric: TrialMetric) -> String {
        let names = Hyperparameter.allCases.filter { name in trials.contains { $0.values[name] != nil } }
        func cell(_ value: Double?) -> String { value.map(TransferReport.number) ?? "" }
        let header =
            ["trial"] + names.map(TransferReport.words) + [
                "loss", "generator", "discriminator", "AUC", "own loss", "own discriminator", "spread",
            ]
        return MarkdownTable.text(
            header: header,
            rows: trials.ranked(by: metric).map { trial in
                let loss =
                    trial.loss(metric).map(TransferReport.number) ?? "diverged at step \(trial.divergedAt ?? 0)"
                return
                    [trial.name] + names.map { cell(trial.values[$0]) } + [
                        loss, cell(trial.generatorLoss), cell(trial.fixedDiscriminatorLoss ?? trial.discriminatorLoss),
                        cell(trial.fixedDiscriminatorAuc ?? trial.discriminatorAuc), cell(trial.totalLoss),
                        cell(trial.discriminatorLoss), cell(trial.spread),
                    ]
            })
    }

    /// Losses by width and learning rate, the lowest of each width in bold.
    static func table(_ verification: Verification) -> String {
        let header = ["parametrization", "width"] + verification.rates.map(TransferReport.number)
        return MarkdownTable.text(
            header: header,
            rows: verification.sweeps.map { sweep in
                let best = sweep.best(verification.metric)?.rate
                let losses = sweep.results.map { result in
                    let text = result.loss(verification.metric).map(TransferReport.number) ?? "diverged"
                    return result.values[sweep.rate] == best ? "**\(text)**" : text
                }
                return [sweep.isStandard ? "standard" : "muP", "\(sweep.width)"] + losses
            })
    }
}
