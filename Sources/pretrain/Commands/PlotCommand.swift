import Analysis
import ArgumentParser
import Files
import Foundation
import Pretraining
import Runs

struct PlotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plot",
        abstract: "Draws the curves of runs, finished or not, side by side.",
        discussion: """
            Reads what runs have written to metrics.jsonl and draws a panel for each metric with a line for each run, \
            on held-out text where the run was evaluated (training.evaluate_every), otherwise in training.

              pretrain plot checkpoints/demo                                writes curves.svg
              pretrain plot runs/post runs/pre --label Post-LN --label Pre-LN --output norms.svg
              pretrain plot checkpoints/demo --metric gradient_norm --metric learning_rate --by tokens
              pretrain plot checkpoints/demo --training --smooth 0.9 --log x --by hours --dark

            Without --metric: the losses that a run has, and the detector's AUC. Figures are SVG, which browsers show and print; \
            named .png or .pdf, rsvg-convert (package librsvg2-bin) or inkscape makes that of it.
            """)

    @Argument(help: "Run directories.", completion: .directory)
    var runs: [String]
    @Option(
        name: .customLong("metric"), parsing: .singleValue,
        help: "A quantity of metrics.jsonl; may be given repeatedly.")
    var metrics: [String] = []
    @Option(
        name: .customLong("label"), parsing: .singleValue,
        help: "Name of a run in the figure; one for each run, in order. Default: names of the paths.")
    var labels: [String] = []
    @Option(name: .customLong("by"), help: "What the horizontal axis shows: steps, tokens or hours.")
    var position = CurveFigure.Position.steps
    @Option(name: .customLong("log"), parsing: .singleValue, help: "Draw an axis logarithmically: x or y; repeatable.")
    var logarithmic: [LogarithmicAxis] = []
    @Flag(help: "Draw curves in training beside those on held-out text.")
    var training = false
    @Option(help: "How much of the mean so far curves in training are drawn with, from 0 to below 1.")
    var smooth = 0.0
    @Flag(help: "Light on dark ground.")
    var dark = false
    @Option(help: "The figure's file.", completion: .file(extensions: ["svg", "png", "pdf"]))
    var output = "curves.svg"
    @OptionGroup var report: ReportOptions

    func validate() throws {
        if runs.isEmpty { throw ValidationError("name at least one run directory") }
        if !labels.isEmpty, labels.count != runs.count {
            throw ValidationError("\(labels.count) labels for \(runs.count) runs: give one for each")
        }
        if !(smooth >= 0 && smooth < 1) { throw ValidationError("--smooth must be from 0 to below 1") }
    }

    func run() throws {
        let file = try FigureFile(output)
        let names = labels.isEmpty ? AnalyzeCommand.names(runs) : labels
        let curves = try zip(runs, names).map { path, name in
            try RunCurves(path: RunDirectory(path: path).metrics, label: name)
        }
        var options = CurveFigure.Options()
        options.position = position
        options.hasLogarithmicX = logarithmic.contains(.x)
        options.hasLogarithmicY = logarithmic.contains(.y)
        options.smoothing = smooth
        options.showsTraining = training
        options.theme = dark ? .dark : .light
        let figure = try CurveFigure(curves, metrics: metrics.isEmpty ? nil : metrics, options: options)
        guard !figure.metrics.isEmpty else { throw RunCurvesError.nothingRecorded }
        try file.write(figure.svg)
        try report.show(Result(figure: output, runs: curves)) {
            let table = TextTable(
                header: ["run", "step"] + figure.metrics, rightAligned: Set(1...figure.metrics.count + 1),
                rows: curves.map { run in
                    let last = figure.metrics.map { run.points($0).last }
                    let step = last.compactMap { $0?.step }.max().map { "\($0)" } ?? ""
                    return [Terminal.escaped(run.label), step]
                        + last.map { $0.map { String(format: "%.4f", $0.value) } ?? "" }
                })
            return "\(table.text)\n\nfigure: \(Terminal.escaped(output))"
        }
    }

    private struct Result: Encodable {
        var figure: String
        var runs: [RunCurves]
    }
}

extension CurveFigure.Position: ExpressibleByArgument {}

enum LogarithmicAxis: String, ExpressibleByArgument, CaseIterable {
    case x, y
}
