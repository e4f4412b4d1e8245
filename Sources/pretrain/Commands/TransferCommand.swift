import ArgumentParser
import Benchmarks
import Files
import Formatting
import Foundation
import HyperparameterTransfer
import Kernels
import Pretraining
import Runs

struct TransferCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfer-hp",
        abstract: "Tunes a narrow proxy and writes the wide target's configuration with what was found.",
        discussion: """
            The proxy has the target's shape at a smaller width; muP makes its best hyperparameters the target's. \
            --output receives every trial as an ordinary run directory, target.yaml, and the report as HTML, Markdown \
            and JSON. The same command resumes an interrupted search. --dry-run trains nothing: it lists every tensor of \
            proxy and target with its rules, and what the search would cost.

            Searched: \(Hyperparameter.allCases.map(\.rawValue).joined(separator: ", ")). \
            A range LOWER..UPPER is searched on a logarithmic scale (in a grid: at factors of two, or LOWER..UPPER:POINTS); \
            A,B,C are single values.

              pretrain transfer-hp large.yaml --output search --dry-run
              pretrain transfer-hp large.yaml --output search --proxy-width 128 --search learning_rate=2.5e-4..8e-3
              pretrain transfer-hp large.yaml --output search --trials 32 \\
                --search learning_rate=1e-4..1e-2 --search output_multiplier=0.25..4 --rungs 3
              pretrain transfer-hp large.yaml --output search --proxy-steps 5000 --verify --verify-widths 128,256,512

            Refused, with the reason: another depth under Post-LN or Mix-LN, heads below \(WidthFamily.smallestHead), and \
            proxies that the coordinate check does not support.
            """)

    @OptionGroup var options: ConfigurationOptions
    @Option(help: "Directory of the search.", completion: .directory)
    var output: String
    @Option(help: "Hidden size of the proxy. Default: about a quarter of the target's.")
    var proxyWidth: Int?
    @Option(help: "Layers of the proxy; only for Pre-LN may they differ from the target's.")
    var proxyLayers: Int?
    @Option(
        help:
            "Steps of the longest trials. Default: the target's, or as many as keep the search within a fifth of its training, and 1000 at least."
    )
    var proxySteps: Int?
    @Option(help: "Sequences of a step. Default: the target's.")
    var proxyBatch: Int?
    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "A hyperparameter and its values; repeatable. Default: the learning rate (with Muon both), eight times up and down.",
            valueName: "name=lower..upper"))
    var search: [String] = []
    @Option(help: "grid or random. Default: grid for one hyperparameter, random for several.")
    var method: SearchMethod?
    @Option(help: "Trials of the first rung, where --search does not list values. Default: the grid's points, or 16.")
    var trials: Int?
    @Option(help: "Rungs of successive halving, each with its own complete decay.")
    var rungs = 2
    @Option(help: "Each rung has this many times fewer trials, of this many times more steps.")
    var factor = 3.0
    @Option(help: "Held-out loss that ranks trials: total, generator or discriminator.")
    var metric = TrialMetric.total
    @Option(help: "Seed of the random search; the runs keep training.seed.")
    var seed = 0
    @Option(
        help: "Runs of each trial of the last rung, from training.seed on; ranked by the mean, and the spread is told.")
    var seeds = 1
    @Option(help: "Trials at a time, which divide the threads. Default: as many as threads.")
    var jobs: Int?
    @Flag(help: "Sweep the learning rate at several widths, under muP and under the standard parametrization.")
    var verify = false
    @Option(help: ArgumentHelp("Widths of --verify. Default: the proxy's times 1, 2, 4.", valueName: "w,w,w…"))
    var verifyWidths: String?
    @Option(
        help: ArgumentHelp(
            "Learning rates of --verify. Default: the grid's, or a quarter to four times the best.", valueName: "r,r…"))
    var verifyRates: String?
    @Option(help: "Steps of --verify's runs. Default: the proxy's.")
    var verifySteps: Int?
    @Flag(help: "Carry learning rate and betas across batch sizes.")
    var batchRule = false
    @Flag(help: "Carry the learning rate across training horizons.")
    var horizonRule = false
    @Flag(inversion: .prefixedNo, help: "Check first that the widths are comparable.")
    var coordinateCheck = true
    @Flag(help: "Show tensors, plan and cost; train nothing, write nothing.")
    var dryRun = false
    @OptionGroup var threading: ThreadOptions
    @OptionGroup var report: ReportOptions

    func validate() throws {
        if output.isEmpty { throw ValidationError("--output is empty; name a directory") }
        func check(_ value: Int?, _ name: String, _ range: ClosedRange<Int>) throws {
            if let value, !range.contains(value) {
                throw ValidationError("--\(name) must be from \(range.lowerBound) to \(range.upperBound)")
            }
        }
        try check(proxyWidth, "proxy-width", 8...65536)
        try check(proxyLayers, "proxy-layers", 1...1024)
        try check(proxySteps, "proxy-steps", 1...1_000_000_000)
        try check(proxyBatch, "proxy-batch", 1...1_048_576)
        try check(trials, "trials", 1...10_000)
        try check(seeds, "seeds", 1...100)
        try check(rungs, "rungs", 1...10)
        try check(jobs, "jobs", 1...Kernels.maximumThreadCount)
        try check(verifySteps, "verify-steps", 1...1_000_000_000)
        try check(seed, "seed", 0...Int.max)
        if !verify, verifyWidths == nil, verifyRates != nil || verifySteps != nil {
            throw ValidationError("--verify-rates and --verify-steps go with --verify")
        }
        if !(factor > 1 && factor <= 100) { throw ValidationError("--factor must be above 1 and at most 100") }
    }

    func run() throws {
        let (target, _) = try options.resolve()
        let plan = try TransferPlan(target, try transferOptions(target))
        guard !dryRun else {
            let listing = PlanListing(plan, speed: try measuredFlops(plan))
            return try report.show(listing) { listing.text }
        }
        for note in PlanListing(plan, speed: nil).advice { Terminal.note("note: \(note)") }
        TerminationSignals.install()
        signal(SIGPIPE, SIG_IGN)
        let search = TransferSearch(
            plan, folder: RunDirectory(path: output).path,
            command: Array(CommandLine.arguments.dropFirst()), jobs: jobs, threads: threading.count,
            progress: ProgressLine(quiet: report.json)
        ) { Terminal.note("warning: \($0)") }
        do {
            let result = try search.run()
            try report.show(result) { Self.text(result) }
        } catch let error as TransferError {
            guard case .stopped = error else { throw error }
            Terminal.note("\(error)")
            throw ExitCode(ExitStatus.stoppedBySignal)
        }
    }

    /// Operations a second that proxies reach on this machine.
    private func measuredFlops(_ plan: TransferPlan) throws -> Double? {
        let forecast = try RunForecast(plan.proxy, threads: threading.count, measuring: true, checkingCorpus: false)
        return forecast.tokensPerSecond.map { $0 * forecast.flopsPerToken }
    }

    private func transferOptions(_ target: RunConfiguration) throws -> TransferOptions {
        var result = TransferOptions()
        result.proxyWidth = proxyWidth
        result.proxyLayers = proxyLayers
        result.proxySteps = proxySteps
        result.proxyBatch = proxyBatch
        result.search = search
        result.method = method
        result.trials = trials
        result.rungs = rungs
        result.halvingFactor = factor
        result.metric = metric
        result.seed = seed
        result.seeds = seeds
        result.rules = TransferRules(batch: batchRule, horizon: horizonRule)
        result.verifySteps = verifySteps
        result.checksCoordinates = coordinateCheck
        if verify || verifyWidths != nil {
            let width = try proxyWidth ?? WidthFamily(target).suggestedWidth()
            result.verifyWidths =
                try verifyWidths.map { try CoordinateCheckCommand.integers($0, "--verify-widths") }
                ?? [width, 2 * width, 4 * width]
        }
        result.verifyRates = try (verifyRates ?? "").split(separator: ",").map { part in
            guard let rate = Double(part.trimmingCharacters(in: .whitespaces)), rate > 0, rate <= 100 else {
                throw ValidationError("--verify-rates: \"\(part)\" is not a learning rate")
            }
            return rate
        }
        return result
    }

    static func text(_ report: TransferReport) -> String {
        var lines = report.values.sorted { $0.key.rawValue < $1.key.rawValue }.map {
            "\($0.key.rawValue): \($0.value)"
        }
        lines.append(
            String(format: "cost of the search: %.1f %% of the target's training", 100 * report.costShare))
        lines.append("expected loss: \(report.expectation)")
        lines += report.notes
        if let verification = report.verification {
            lines.append("verification: \(verification.passes ? "passed" : "failed")")
            lines += verification.findings.map { "  \($0)" }
        }
        let folder = PathParts.folder(of: report.configuration)
        lines.append("report: \(folder)/report.html, \(folder)/report.md")
        lines.append("train the target: pretrain run \(report.configuration)")
        return lines.joined(separator: "\n")
    }
}

extension SearchMethod: ExpressibleByArgument {}
extension TrialMetric: ExpressibleByArgument {}

/// What `--dry-run` shows.
private struct PlanListing: Encodable {
    var proxy: [TensorRow]
    var target: [TensorRow]
    var trials: [SearchSpace.Point]
    var rungs: [SuccessiveHalving.Rung]
    var proxyWidth: Int
    var searchFlops: Double
    var targetFlops: Double
    var costShare: Double
    var verifyWidths: [Int]
    var verifyFlops: Double
    /// At the speed of the proxies on this machine; nil where it was not measured.
    var searchHours: Double?
    var targetHours: Double?
    var advice: [String]

    /// - Parameter speed: operations a second, if they were measured.
    init(_ plan: TransferPlan, speed: Double?) {
        let vocabulary = plan.target.tokenizer.vocabularySize
        proxy = TensorTable.rows(plan.proxy)
        // Without values the transfer leaves the target's own, and cannot fail once the plan is made.
        target = (try? plan.transferred([:])).map { TensorTable.rows($0.configuration) } ?? []
        trials = plan.points
        rungs = plan.halving.rungs
        proxyWidth = plan.baseWidth
        searchFlops = plan.searchFlops(vocabularySize: vocabulary)
        targetFlops = plan.targetFlops(vocabularySize: vocabulary)
        verifyFlops = plan.verifyFlops(vocabularySize: vocabulary)
        costShare = (searchFlops + verifyFlops) / targetFlops
        verifyWidths = plan.verifyWidths
        let (whole, target, verification) = (searchFlops + verifyFlops, targetFlops, verifyFlops)
        searchHours = speed.map { whole / $0 / 3600 }
        targetHours = speed.map { target / $0 / 3600 }
        advice = Self.advice(plan, share: whole / target, verifyShare: verification / target)
    }

    private static func advice(_ plan: TransferPlan, share: Double, verifyShare: Double) -> [String] {
        var advice: [String] = []
        if share > TransferPlan.sensibleShare * 1.01 {
            advice.append(
                String(
                    format:
                        "all this costs %.0f %% of the target's own training%@; more than a fifth seldom pays: lower "
                        + "--proxy-steps, --trials or --proxy-width", 100 * share,
                    verifyShare > 0 ? String(format: " (--verify %.0f %%)", 100 * verifyShare) : ""))
        }
        if plan.droppedRungs > 0 {
            advice.append(
                "of \(plan.options.rungs) rungs only \(plan.halving.rungs.count) \(plan.halving.rungs.count == 1 ? "says" : "say") "
                    + "anything with \(plan.points.count) trials and these steps; raise --trials for more")
        }
        if plan.options.proxySteps == nil, plan.proxy.training.steps < plan.target.training.steps {
            advice.append(
                "trials have \(CountFormat.grouped(plan.proxy.training.steps)) of the target's "
                    + "\(CountFormat.grouped(plan.target.training.steps)) steps, to keep within a fifth of its cost; "
                    + "--horizon-rule carries the learning rate across, --proxy-steps says otherwise")
        }
        return advice
    }

    var text: String {
        func table(_ rows: [TensorRow]) -> String {
            func number(_ value: Double) -> String { String(format: "%.4g", value) }
            return TextTable(
                header: [
                    "tensor", "shape", "role", "width", "init std", "learning rate", "multiplier", "decay", "epsilon",
                ],
                rightAligned: [1, 3, 4, 5, 6, 7, 8],
                rows: TensorTable.grouped(rows).map { row in
                    [
                        row.name, row.shape.map(String.init).joined(separator: "×"), row.role, number(row.widthRatio),
                        number(row.initialization), number(row.learningRate), number(row.multiplier),
                        number(row.weightDecay), number(row.epsilon),
                    ]
                }
            ).text
        }
        let searched = rungs.enumerated().map { "rung \($0 + 1): \($1.trials) trials of \($1.steps) steps" }
        var lines = searched
        lines.append(String(format: "cost of the search: %.3g FLOP", searchFlops))
        if verifyFlops > 0 { lines.append(String(format: "cost of --verify: %.3g FLOP", verifyFlops)) }
        lines.append(String(format: "together: %.1f %% of the target's %.3g FLOP", 100 * costShare, targetFlops))
        if let searchHours, let targetHours {
            lines.append(
                "on this machine: \(DurationFormat.text(searchHours * 3600)); the target: "
                    + "\(DurationFormat.text(targetHours * 3600))")
        }
        return (lines + advice.map { "note: \($0)" }).joined(separator: "\n") + """


            proxy, width \(proxyWidth)
            \(table(proxy))

            target
            \(table(target))
            """
    }
}
