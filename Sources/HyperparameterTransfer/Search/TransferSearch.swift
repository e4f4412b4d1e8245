import Configuration
import Corpus
import Engine
import Files
import Foundation
import Kernels
import Pretraining
import Runs

/// A whole search: coordinate check, rungs of trials, the target's configuration, verification.
public final class TransferSearch {
    private let plan: TransferPlan
    private let folder: String
    private let command: [String]
    private let jobs: Int
    private let threads: Int
    private let progress: ProgressLine
    private let note: @Sendable (String) -> Void

    /// - Parameters:
    ///   - folder: receives tokenizer, trials, plan and reports; created if need be.
    ///   - command: how the search was called, for the report.
    ///   - jobs: trials at a time; nil: one for each thread.
    ///   - threads: in all.
    ///   - note: told what is worth a line; called from several threads.
    public init(
        _ plan: TransferPlan, folder: String, command: [String], jobs: Int?, threads: Int, progress: ProgressLine,
        note: @escaping @Sendable (String) -> Void
    ) {
        self.plan = plan
        self.folder = folder
        self.command = command
        self.jobs = min(jobs ?? threads, threads)
        self.threads = threads
        self.progress = progress
        self.note = note
    }

    /// Everything, or what an earlier call has left to do.
    ///
    /// - Throws: `TransferError`, before the first trial for all that can be known by then.
    public func run() throws -> TransferReport {
        try OutputFolder.create(folder)
        try SearchRecord(plan).check(folder: folder)
        let vocabularySize = try Run.prepareTokenizer(plan.target, folder: folder, progress: progress, warn: note)
        try Evaluator.check(plan.target, has: .heldOut, tokenizer: tokenizer)
        if isTested { try Evaluator.check(plan.target, has: .test, tokenizer: tokenizer) }
        // Nothing is carried to another width where the proxy is as wide as the target.
        let isTransferred = plan.baseWidth != plan.target.model.hiddenSize
        let coordinates = plan.options.checksCoordinates && isTransferred ? try checkCoordinates() : nil

        let phase = PhaseProgress("trials", on: progress)
        let runner = TrialRunner(
            folder: folder, jobs: jobs, threads: max(1, threads / jobs), vocabularySize: vocabularySize,
            plannedFlops: plan.searchFlops(vocabularySize: vocabularySize)
                + plan.verifyFlops(vocabularySize: vocabularySize),
            progress: phase, corruptions: try corruptions(vocabularySize: vocabularySize), note: note)
        let rungs = try climb(runner)
        let ranked = rungs[rungs.count - 1].ranked(by: plan.options.metric)
        guard let best = ranked.first, best.divergedAt == nil else {
            throw TransferError.nothingConverged(trials: plan.points.count)
        }
        let verification =
            plan.verifyWidths.isEmpty
            ? nil
            : try Verification(
                plan, best: best.values, rates: rates(around: best.values), tokenizer: tokenizer, runner: runner,
                vocabularySize: vocabularySize)
        phase.finish()

        let (configuration, rules) = try plan.transferred(best.values)
        let notes = rules + plan.edges(best.values) + Self.comparison(ranked, plan.options.metric)
        let path = folder + "/target.yaml"
        try JSONFile.write(try ConfigurationWriter.yaml(configuration, comments: true), to: path)
        let report = TransferReport(
            plan, command: command, rungs: rungs, best: best, notes: notes, coordinates: coordinates,
            verification: verification, configuration: configuration, path: path, vocabularySize: vocabularySize)
        try report.write(to: folder)
        return report
    }

    /// Whether the best trial is better than the next by more than seeds differ.
    private static func comparison(_ ranked: [TrialResult], _ metric: TrialMetric) -> [String] {
        guard ranked.count > 1, let first = ranked[0].loss(metric), let second = ranked[1].loss(metric),
            let spread = ranked[0].spread, let other = ranked[1].spread, let seeds = ranked[0].seedLosses?.count
        else { return [] }
        let margin = max(spread, other)
        let figures =
            "by \(TransferReport.number(second - first)), where seeds differ by \(TransferReport.number(margin)) "
            + "(standard deviation of \(seeds))"
        return [
            second - first > margin
                ? "the best trial is better than the next \(figures)"
                : "the best trial is not told apart from the next: lower \(figures)"
        ]
    }

    /// Whether what was found is verified on text of its own.
    private var isTested: Bool { !plan.verifyWidths.isEmpty && plan.target.corpus.test > 0 }

    private var tokenizer: String { folder + "/tokenizer.json" }

    /// Replacements of the held-out text that all trials are judged on: those of the proxy with the target's own values,
    /// trained as long as the first rung. On its own replacements every trial has another task, and most of what their losses
    /// differ by is how many tokens their generators replace.
    private func corruptions(vocabularySize: Int) throws -> Corruptions? {
        guard let source = plan.corruptionSource(tokenizer: tokenizer) else { return nil }
        // A runner of its own: a trial with these values is not the same to the search.
        let runner = TrialRunner(
            folder: folder, jobs: 1, threads: threads, vocabularySize: vocabularySize,
            plannedFlops: source.flops(vocabularySize: vocabularySize),
            progress: PhaseProgress("corruption source", on: progress), note: note)
        guard try runner.run([source])[0].divergedAt == nil else {
            throw TransferError.refused(
                "the proxy diverges with the target's own values, and its generator was to replace tokens for all trials; "
                    + "lower optimizer.peak_learning_rate or lengthen optimizer.warmup_steps in the target")
        }
        func corruptions(_ selection: HeldOutReader.Selection) throws -> [Corruption] {
            try CheckpointEvaluation(
                directory: folder + "/" + source.name, selection: selection, masksForOthers: true, threads: threads
            ).corruptions()
        }
        return Corruptions(heldOut: try corruptions(.heldOut), test: isTested ? try corruptions(.test) : [])
    }

    /// Rungs one after another; each takes the best of the one before.
    private func climb(_ runner: TrialRunner) throws -> [[TrialResult]] {
        var chosen = Array(plan.points.indices)
        var rungs: [[TrialResult]] = []
        for (index, rung) in plan.halving.rungs.enumerated() {
            if index > 0 {
                let before = rungs[index - 1]
                let order = before.ranked(by: plan.options.metric).filter { $0.divergedAt == nil }.map(\.name)
                chosen = chosen.filter { point in
                    order.prefix(rung.trials).contains("trials/rung-\(index)/trial-\(point + 1)")
                }
                guard !chosen.isEmpty else { throw TransferError.nothingConverged(trials: before.count) }
            }
            let seeds = index == plan.halving.rungs.count - 1 ? plan.options.seeds : 1
            let runs = try runner.run(
                (0..<seeds).flatMap { plan.trials(rung: index, chosen: chosen, seed: $0, tokenizer: tokenizer) })
            let results = chosen.indices.map { place in
                TrialResult((0..<seeds).map { runs[$0 * chosen.count + place] }, metric: plan.options.metric)
            }
            // Results that another trial has left carry its name.
            rungs.append(
                zip(chosen, results).map { point, result in
                    var result = result
                    result.name = "trials/rung-\(index + 1)/trial-\(point + 1)"
                    return result
                })
        }
        return rungs
    }

    private func checkCoordinates() throws -> CoordinateReport {
        let record = folder + "/coordinate-check.json"
        if let data = FileManager.default.contents(atPath: record),
            let report = try? JSONDecoder().decode(CoordinateReport.self, from: data)
        {
            try judge(report)
            return report
        }
        let width = plan.baseWidth
        let check = try CoordinateCheck(plan.target, widths: [width, 2 * width, 4 * width])
        let pool = try ThreadPool.reserving(threadCount: threads)
        defer { pool.shutDown() }
        let phase = PhaseProgress("coordinate check", on: progress)
        let report = try CoordinateReport(check, pool: pool) { phase.update(fraction: $0) }
        phase.finish(report.passes ? "passed" : "failed")
        try JSONFile.write(report, to: record)
        try JSONFile.write(report.figure.svg, to: folder + "/coordinate-check.svg")
        try judge(report)
        return report
    }

    private func judge(_ report: CoordinateReport) throws {
        guard !report.passes else { return }
        let failing = report.maximalUpdate.modules.filter { !$0.passes }
        let worst = failing.max { abs($0.worst) < abs($1.worst) }
        let supported = report.smallestSupportedWidth.map { "the smallest width that it supports is \($0)" }
        throw TransferError.refused(
            "the coordinate check fails from width \(plan.baseWidth) on: \(worst?.module ?? "") has a slope of "
                + String(format: "%.2f", worst?.worst ?? 0) + " (\(worst?.place ?? "")); "
                + (supported ?? "no width up to \(4 * plan.baseWidth) passes")
                + ". See \(folder)/coordinate-check.svg; choose a wider --proxy-width (and another --output), or "
                + "--no-coordinate-check")
    }

    /// The learning rates of the verification, as far as they are known before the search.
    private func rates(around best: SearchSpace.Point) -> [Double] {
        let planned = plan.plannedRates
        if !plan.options.verifyRates.isEmpty || plan.method == .grid && best[plan.sweptRate] != nil { return planned }
        let center = best[plan.sweptRate] ?? plan.sweptRate.value(in: plan.target)
        return planned.map { $0 * center }
    }
}

/// What identifies a search, so that a directory is not used for two of them.
struct SearchRecord: Codable, Equatable {
    var configuration: String
    var settings: [String: String]

    init(_ plan: TransferPlan) throws {
        configuration = try ConfigurationWriter.yaml(plan.target)
        settings = [
            "--proxy-width": "\(plan.baseWidth)", "--proxy-layers": "\(plan.proxy.model.layerCount)",
            "--proxy-steps": "\(plan.proxy.training.steps)", "--proxy-batch": "\(plan.proxy.training.batchSize)",
            "--search": "\(plan.space.dimensions)", "--method": plan.method.rawValue,
            "--trials": "\(plan.points.count)", "--rungs": "\(plan.halving.rungs)",
            "--metric": plan.options.metric.rawValue, "--seed": "\(plan.options.seed)",
            "--seeds": "\(plan.options.seeds)",
            // Earlier versions judged on what one of the trials replaced: their scores do not compare.
            "what replaces tokens for all trials": "a run of its own",
        ]
    }

    /// Compares with what the directory holds, or leaves it there.
    func check(folder: String) throws {
        let path = folder + "/plan.json"
        guard let data = FileManager.default.contents(atPath: path) else {
            try JSONFile.write(self, to: path)
            return
        }
        guard let before = try? JSONDecoder().decode(SearchRecord.self, from: data) else {
            throw TransferError.otherSearch(path: folder, differences: ["plan.json is not of this version"])
        }
        var differences = settings.keys.sorted().compactMap { key -> String? in
            let (then, now) = (before.settings[key] ?? "nothing", settings[key] ?? "nothing")
            return then == now ? nil : "\(key): \(then) there, \(now) now"
        }
        let (old, new) = (before.configuration.split(separator: "\n"), configuration.split(separator: "\n"))
        if let line = zip(old, new).first(where: { $0 != $1 }) {
            differences.append(
                "the target's configuration:\(line.0.drop { $0 == " " }) there,\(line.1.drop { $0 == " " }) now"
                    .replacing("configuration:", with: "configuration: ").replacing("there,", with: "there, "))
        } else if old.count != new.count {
            differences.append("the target's configuration has other keys")
        }
        if !differences.isEmpty { throw TransferError.otherSearch(path: folder, differences: differences) }
    }
}
