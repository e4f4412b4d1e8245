import ArgumentParser
import Files
import Foundation
import HyperparameterTransfer
import Kernels
import Runs

struct CoordinateCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinate-check",
        abstract: "Tells whether hyperparameters will transfer across the widths of a model.",
        discussion: """
            Trains the model at several widths for a few steps on one batch of random tokens, and fits the size of every \
            module's outputs, and of their change since the beginning, against width: a power of 0 is what muP promises. \
            The standard parametrization is measured beside it, for contrast. No corpus is needed.

            Passes: changes after every step, and sizes, with a slope of 0 ± tolerance; logits before the first step with \
            -1/2 ± tolerance (0 ± tolerance over the vocabulary where the embedding size does not grow with the width), \
            unless they start at 0. Changes of attention scores and of logits over the vocabulary may fall \
            to twice the tolerance. "own weights" is what a readout's own update changes; "large epsilon" the first step's \
            changes with Adam's epsilon at 1. docs/transfer.md says why, and what this cannot see.

            Exit status 0: muP passes; 1: it fails.

              pretrain coordinate-check mine.yaml --widths 64,128,256,512
              pretrain coordinate-check --preset small --output check.svg --json
            """)

    @OptionGroup var options: ConfigurationOptions
    @Option(help: ArgumentHelp("Hidden sizes, at least two.", valueName: "w,w,…"))
    var widths = "64,128,256,512"
    @Option(help: "Updates.")
    var steps = 5
    @Option(help: "Largest slope that passes.")
    var tolerance = 0.3
    @Option(help: "Independent initial values that are averaged.")
    var seeds = 3
    @Option(help: "Where the plot goes.", completion: .file(extensions: ["svg"]))
    var output = "coordinate-check.svg"
    @OptionGroup var threading: ThreadOptions
    @OptionGroup var report: ReportOptions

    func validate() throws {
        if !(1...1000).contains(steps) { throw ValidationError("--steps must be from 1 to 1000") }
        if !(1...100).contains(seeds) { throw ValidationError("--seeds must be from 1 to 100") }
        if !(tolerance > 0 && tolerance <= 2) { throw ValidationError("--tolerance must be above 0 and at most 2") }
        _ = try Self.integers(widths, "--widths")
    }

    /// - Parameter option: for the complaint.
    static func integers(_ text: String, _ option: String) throws -> [Int] {
        try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            guard let value = Int(part.trimmingCharacters(in: .whitespaces)), (8...65536).contains(value) else {
                throw ValidationError("\(option): \"\(part)\" is not a hidden size")
            }
            return value
        }
    }

    func run() throws {
        let file = try FigureFile(output)
        let (configuration, _) = try options.resolve()
        let check = try CoordinateCheck(
            configuration, widths: try Self.integers(widths, "--widths"), steps: steps, tolerance: tolerance,
            seeds: seeds)
        let pool = try threading.pool()
        defer { pool.shutDown() }
        let phase = PhaseProgress("coordinate check", on: ProgressLine(quiet: report.json))
        let result = try CoordinateReport(check, pool: pool) { phase.update(fraction: $0) }
        phase.finish()
        try file.write(result.figure.svg)
        try report.show(result) { Self.text(result, plot: output) }
        if !result.passes { throw ExitCode(ExitStatus.failure) }
    }

    static func text(_ report: CoordinateReport, plot: String) -> String {
        let standard = Dictionary(
            report.standard.modules.map { ($0.module, $0) }, uniquingKeysWith: { first, _ in first })
        func slope(_ value: Double?) -> String { value.map { String(format: "%+.2f", $0) } ?? "not finite" }
        let rows = report.maximalUpdate.modules.map { module in
            let other = standard[module.module]
            return [
                module.module, slope(module.sizeSlopes.first ?? nil), slope(module.sizeSlopes.last ?? nil),
                slope(module.changeSlopes.last ?? nil), module.passes ? "pass" : "FAIL: \(module.place)",
                slope(other?.sizeSlopes.last ?? nil), slope(other?.changeSlopes.last ?? nil),
                other.map { $0.passes ? "pass" : "FAIL" } ?? "",
            ]
        }
        let table = TextTable(
            header: ["module", "start", "size", "change", "muP", "size", "change", "standard"],
            rightAligned: [1, 2, 3, 5, 6], rows: rows)
        let failing = report.maximalUpdate.modules.count { !$0.passes }
        return """
            Slopes of log size against log width, at the start and after \(report.steps) steps; widths \
            \(report.widths.map(String.init).joined(separator: ", ")), tolerance \(report.maximalUpdate.tolerance)
            \(table.text)
            muP: \(report.passes ? "pass" : "FAIL, \(failing) of \(report.maximalUpdate.modules.count) modules")\
            \(report.passes ? "" : report.smallestSupportedWidth.map { "; passes from width \($0) on" } ?? "")
            standard parametrization: \(report.standard.passes ? "pass" : "fail")
            plot: \(plot)
            """
    }
}
