import ArgumentParser
import Benchmarks
import Foundation

struct BenchCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Compares this build's speed with the thresholds that it must reach.",
        discussion: """
            Thresholds are ratios that hold on any machine: the share of the measured GEMM peak that whole steps reach, \
            the speed of several threads relative to one, the share of its roofline that a kernel reaches, and what is \
            around the steps: checkpoints relative to SHA-256, the loader relative to a step. Leave the machine alone meanwhile; what fails is measured again, up to three times. Exit status 1 says that a \
            threshold was missed.

              pretrain bench check Benchmarks/thresholds.json --only checkpoints,loaders
            """)

    @Argument(help: "A JSON file of thresholds.", completion: .file(extensions: ["json"]))
    var thresholds: String
    @Option(help: "Check these lists alone, separated by commas: steps, scaling, kernels, checkpoints, loaders.")
    var only: String?
    @OptionGroup var report: ReportOptions

    private struct Report: Encodable {
        var passed: Bool
        var outcomes: [PerformanceThresholds.Outcome]
    }

    private var groups: [PerformanceThresholds.Group]? {
        guard let only else { return PerformanceThresholds.Group.allCases }
        let groups = only.split(separator: ",", omittingEmptySubsequences: false).map {
            PerformanceThresholds.Group(rawValue: String($0))
        }
        return groups.contains { $0 == nil } ? nil : groups.compactMap { $0 }
    }

    func validate() throws {
        if groups == nil {
            let known = PerformanceThresholds.Group.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--only takes lists of the file, separated by commas: \(known)")
        }
    }

    func run() throws {
        let outcomes = try PerformanceThresholds(contentsOf: thresholds).check(groups ?? []) { outcome in
            if !report.json { Terminal.note(Self.line(outcome)) }
        }
        let missed = outcomes.filter { !$0.passed }.count
        try report.show(Report(passed: missed == 0, outcomes: outcomes)) {
            missed == 0
                ? "all \(outcomes.count) thresholds are met" : "\(missed) of \(outcomes.count) thresholds are missed"
        }
        if missed > 0 { throw ExitCode.failure }
    }

    private static func line(_ outcome: PerformanceThresholds.Outcome) -> String {
        String(
            format: "%@  %.3g, %@ %.3g  ", outcome.passed ? "ok    " : "MISSED", outcome.measured,
            outcome.bound == .atLeast ? "at least" : "at most", outcome.threshold)
            + outcome.name
    }
}
