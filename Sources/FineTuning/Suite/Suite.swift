import Checkpoints
import Configuration
import Engine
import Files
import Foundation
import Pretraining
import Runs

/// Fine-tunes several models on several tasks and tells which are better beyond chance.
///
/// Every run is an ordinary run directory of fine-tuning in the folder and resumes where it was interrupted. A finished one
/// is only judged again.
public final class Suite {
    public struct Options: Sendable {
        public var seeds: Int
        /// Peak learning rates that are tried for every model and task; empty for the task's own.
        public var learningRates: [Double]
        /// Those for tasks that name none, where there are no others.
        public var usualLearningRates: [Double]
        public var threads: Int

        /// What is tried for a task.
        package func rates(_ task: SuiteTask) -> [Double] {
            let rates = !learningRates.isEmpty || task.namesLearningRate ? learningRates : usualLearningRates
            return rates.isEmpty ? [task.configuration.training.peakLearningRate] : rates
        }

        public init(seeds: Int, learningRates: [Double], usualLearningRates: [Double] = [], threads: Int) {
            self.seeds = seeds
            self.learningRates = learningRates
            self.usualLearningRates = usualLearningRates
            self.threads = threads
        }
    }

    /// A signal stopped it; the same command goes on.
    public struct Stopped: Error, Equatable {
        public var signal: String
    }

    private let starts: [SuiteStart]
    private let tasks: [SuiteTask]
    private let minimalPairs: MinimalPairs?
    private let options: Options
    private let folder: String
    private let phase: PhaseProgress
    private let note: (String) -> Void
    /// Of all work, in bytes of text that are trained on.
    private var done = 0.0
    private let total: Double

    /// - Parameters:
    ///   - folder: of the suite; created if need be.
    ///   - note: told what needs attention.
    public init(
        _ starts: [SuiteStart], tasks: [SuiteTask], minimalPairs: MinimalPairs?, options: Options, folder: String,
        progress: ProgressLine, note: @escaping (String) -> Void
    ) {
        self.starts = starts
        self.tasks = tasks
        self.minimalPairs = minimalPairs
        self.options = options
        self.folder = folder
        self.note = note
        phase = PhaseProgress("fine-tuning", on: progress)
        total = tasks.reduce(0) { total, task in
            total + Self.cost(task) * Double(starts.count * (options.rates(task).count + options.seeds - 1))
        }
    }

    /// Of one run on a task: bytes of its training file, times epochs.
    private static func cost(_ task: SuiteTask) -> Double {
        let attributes = try? FileManager.default.attributesOfItem(atPath: task.configuration.task.train)
        let bytes = (attributes?[.size] as? NSNumber)?.doubleValue ?? 1
        return max(bytes, 1) * Double(task.configuration.training.epochs)
    }

    /// - Throws: `Stopped`, and what stands in the way of a run.
    public func run() throws -> SuiteReport {
        try OutputFolder.create(folder)
        let (json, markdown, figure) = (
            try OutputFile(checking: "\(folder)/results.json"), try OutputFile(checking: "\(folder)/results.md"),
            try OutputFile(checking: "\(folder)/rates.svg")
        )
        try checkTasks()
        let judged = try starts.map { start in
            SuiteReport.Start(start: start, minimalPairs: try minimalPairs.flatMap { try judge(start, $0) })
        }
        let cells = try tasks.flatMap { task in try starts.map { try cell(task, $0) } }
        let report = SuiteReport(starts: judged, cells: cells)
        phase.finish()
        try json.write(report: report)
        try markdown.write(report.markdown)
        try figure.write(report.ratesFigure.svg)
        return report
    }

    /// Reads all texts of all tasks for every model: what is wrong with one is told before hours of training.
    private func checkTasks() throws {
        for task in tasks {
            for rate in options.rates(task) {
                for seed in [0, max(options.seeds, 1) - 1] {
                    try ConfigurationReader.check(
                        configuration(task, rate: rate, seed: seed), origin: "\(task.name), --rates or --seeds")
                }
            }
        }
        for start in starts where !start.isFromScratch {
            let reader = try CheckpointReader(newestOf: start.path)
            for task in tasks {
                if let signal = TerminationSignals.pending { throw Stopped(signal: "\(signal)") }
                show("\(task.name): reading its texts", 0)
                try FineTuningRun.check(task.configuration, pretrained: reader)
            }
        }
    }

    /// A model's minimal pairs; of random weights those of as many draws as there are seeds.
    private func judge(_ start: SuiteStart, _ pairs: MinimalPairs) throws -> SuiteReport.PairScores? {
        let reader = try CheckpointReader(newestOf: start.path)
        let draws: [Int?] = start.isFromScratch ? Array(0..<max(options.seeds, 1)) : [nil]
        let kept = KeptPairs(folder: "\(folder)/minimal-pairs", name: start.name)
        let (digest, weights) = (pairs.digest, try reader.weightsSHA256())
        let means = try draws.compactMap { seed -> MinimalPairs.Scores? in
            let judged = KeptPairs.Judged(pairs: digest, weights: weights, draw: seed)
            if let scores = kept.scores(of: judged) { return scores }
            let model = try LoadedModel(path: start.path, threads: options.threads, weightsByChance: seed)
            defer { model.engine.pool.shutDown() }
            model.engine.isCancelled = { TerminationSignals.pending != nil }
            do {
                let scores = try pairs.evaluate(model.engine, model.tokenizer) { share in
                    let draw = seed.map { ", draw \($0 + 1) of \(draws.count)" } ?? ""
                    show(String(format: "minimal pairs, %@%@: %.0f %%", start.name, draw, 100 * share), 0)
                }?.mean
                if let scores { try kept.keep(scores, of: judged) }
                return scores
            } catch is CancellationError {
                throw Stopped(signal: TerminationSignals.pending.map { "\($0)" } ?? "a signal")
            }
        }
        if means.isEmpty { return nil }
        return .init(
            language: SeedSpread(means.compactMap(\.language)), detection: SeedSpread(means.compactMap(\.detection)),
            correction: SeedSpread(means.compactMap(\.correction)))
    }

    /// A model on a task: the rates with the first seed, the best of them on validation texts with the others.
    private func cell(_ task: SuiteTask, _ start: SuiteStart) throws -> SuiteReport.Cell {
        let trials = try options.rates(task).map { ($0, try run(task, start, rate: $0, seed: 0)) }
        let metric =
            trials.lazy.compactMap { $0.1?.validation }.first.map(task.configuration.task.decidingMetric)
            ?? task.configuration.task.decidingMetric
        let scored = trials.compactMap { rate, result in
            result.flatMap { result in result.validation[metric].map { (rate: rate, score: $0, result: result) } }
        }
        var results: [FineTuningRun.Result] = []
        let best = scored.max { $0.score < $1.score }
        if let best {
            results = [best.result]
            for seed in 1..<max(options.seeds, 1) {
                if let result = try run(task, start, rate: best.rate, seed: seed) { results.append(result) }
            }
        } else {
            done += Self.cost(task) * Double(options.seeds - 1)
        }
        let reported = results.first?.reported(task.configuration.task)
        return SuiteReport.Cell(
            task: task.name, start: start.name, metric: (reported ?? metric).rawValue,
            isTest: task.configuration.task.test != nil, learningRate: best?.rate,
            trials: trials.map { rate, result in .init(learningRate: rate, score: result?.validation[metric]) },
            scores: results.compactMap { ($0.test ?? $0.validation)[reported ?? metric] },
            diverged: best == nil ? 0 : options.seeds - results.count, truncated: results.first?.truncated ?? 0,
            texts: results.first?.texts ?? 0, lost: results.first?.lost,
            trialMetric: reported ?? metric == metric ? nil : metric.rawValue)
    }

    private func configuration(_ task: SuiteTask, rate: Double, seed: Int) -> FineTuningConfiguration {
        var configuration = task.configuration
        // Both rates of an optimizer that has two go together.
        if configuration.training.optimizer == .muon, configuration.training.peakLearningRate > 0 {
            configuration.training.muonLearningRate *= rate / configuration.training.peakLearningRate
        }
        configuration.training.peakLearningRate = rate
        configuration.training.seed += seed
        return configuration
    }

    /// - Returns: nil for a run that diverged.
    private func run(_ task: SuiteTask, _ start: SuiteStart, rate: Double, seed: Int) throws -> FineTuningRun.Result? {
        let configuration = configuration(task, rate: rate, seed: seed)
        let cost = Self.cost(task)
        let epochs = Double(configuration.training.epochs)
        defer { done += cost }
        let name = "\(task.name), \(start.name), rate \(RateTrial.number(rate)), seed \(configuration.training.seed)"
        show(name, done)
        let run = FineTuningRun(
            configuration, pretrained: start.path, isFromScratch: start.isFromScratch,
            output:
                "\(folder)/\(task.name)/\(start.name)/rate-\(RateTrial.number(rate))/seed-\(configuration.training.seed)",
            threads: options.threads, progress: ProgressLine(quiet: true)
        ) { [note] event in
            switch event {
            case .warning(let text): note("\(name): \(text)")
            case .alarm(let alarm): note("\(name): \(alarm.message)")
            case .evaluation(let evaluation): self.show(name, self.done + cost * Double(evaluation.epoch) / epochs)
            // How many texts were cut stands in the report.
            case .note, .checkpoint: break
            }
        }
        do {
            let (result, signal) = try run.start()
            guard let result else { throw Stopped(signal: signal ?? "a signal") }
            return result
        } catch let error as NonFiniteError {
            note("\(name): diverged, \(error)")
            return nil
        }
    }

    private func show(_ name: String, _ done: Double) {
        phase.update(fraction: done / total) { name }
    }
}
