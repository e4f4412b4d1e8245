import Foundation
import Plots

extension TransferReport {
    /// The plots by file name.
    var figures: [(name: String, figure: Figure)] {
        var result = [("search", searchFigure)]
        if let verification { result.append(("verification", verification.figure)) }
        if let coordinates { result.append(("coordinate-check", coordinates.figure)) }
        return result
    }

    private var lossLabel: String { "held-out loss (\(metric.rawValue))" }

    /// Loss against each searched hyperparameter, a series for every rung.
    private var searchFigure: Figure {
        let searched = Hyperparameter.allCases.filter { values[$0] != nil }
        let charts = searched.map { hyperparameter in
            Chart(
                title: "Proxy of width \(proxyWidth)",
                subtitle: "what diverged is left out", x: Axis(Self.words(hyperparameter), scale: .logarithmic),
                y: Axis(lossLabel),
                series: rungs.enumerated().map { index, rung in
                    let points = rung.trials.compactMap { trial -> Point? in
                        guard let value = trial.values[hyperparameter], let loss = trial.loss(metric) else {
                            return nil
                        }
                        return Point(value, loss)
                    }.sorted { $0.x < $1.x }
                    return Series(
                        "rung \(index + 1): \(rung.steps) steps", points: points,
                        style: searched.count == 1 ? .markedLine : .points)
                },
                references: values[hyperparameter].map { [.vertical($0, "chosen")] } ?? [], width: 560, height: 380)
        }
        return Figure(charts, columns: 2)
    }

    static func words(_ hyperparameter: Hyperparameter) -> String { hyperparameter.rawValue.replacing("_", with: " ") }
}

extension Verification {
    /// Loss against learning rate at every width: muP on the left, the standard parametrization on the right.
    public var figure: Figure {
        let narrowest = sweeps.first { !$0.isStandard }?.best(metric)?.rate
        func chart(_ title: String, _ sweeps: [Sweep]) -> Chart {
            Chart(
                title: title, subtitle: "after \(steps) steps; what diverged is left out",
                x: Axis(rateName, scale: .logarithmic),
                y: Axis("\(split == "test" ? "test" : "held-out") loss (\(metric.rawValue))"),
                series: sweeps.map { sweep in
                    Series(
                        "width \(sweep.width)",
                        points: sweep.results.map { Point($0.values[sweep.rate] ?? .nan, $0.loss(metric) ?? .nan) },
                        style: .markedLine)
                },
                references: narrowest.map { [.vertical($0, "best at \(sweeps.first?.width ?? 0) under muP")] } ?? [],
                width: 560, height: 400, palette: .sequential)
        }
        return Figure(
            [
                chart("muP", sweeps.filter { !$0.isStandard }),
                chart("Standard parametrization", sweeps.filter(\.isStandard)),
            ], columns: 2, sharesY: true)
    }

    /// The rate that was swept, for people.
    private var rateName: String {
        sweeps.first?.rate == .muonLearningRate ? "learning rate of Muon's matrices" : "learning rate"
    }

    /// What the sweeps show, a line each.
    public var findings: [String] {
        func octaves(_ drift: Double?) -> String {
            guard let drift else { return "cannot be told: everything diverged at some width" }
            let factor = TransferReport.number(exp2(drift))
            return drift < 0.01 ? "stays" : "moves by a factor of \(factor) between widths"
        }
        func rise(_ value: Double?) -> String {
            guard let value else { return "cannot be compared" }
            return value <= 0
                ? "is never worse" : "is worse by up to \(TransferReport.number(value))"
        }
        func percent(_ value: Double?) -> String {
            value.map { "\(TransferReport.number(100 * $0)) %" } ?? "an unknown amount"
        }
        return [
            "Losses on \(split == "test" ? "test documents (corpus.test)" : "held-out documents; corpus.test would keep " + "others").",
            "muP: the best \(rateName) \(octaves(drift)); wider \(rise(worstRise)) at the best rates, and "
                + "\(rise(worstRiseAtTransferredRate)) at the smallest width's.",
            "Standard parametrization: the best \(rateName) \(octaves(standardDrift)); wider \(rise(standardWorstRise)) at "
                + "the best rates, and \(rise(standardWorstRiseAtTransferredRate)) at the smallest width's under muP.",
            "At the largest width, the \(rateName) that is best at the smallest is above the lowest loss by "
                + "\(percent(excess)) under muP (\(percent(standardExcess)) under the standard parametrization); the sweep there "
                + "cost \(percent(costShare)) of the one at the largest.",
        ]
    }
}
