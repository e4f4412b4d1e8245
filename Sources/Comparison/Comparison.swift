import Analysis
import Configuration
import Corpus
import Engine
import Files
import Formatting
import Foundation
import Pretraining
import Runs
import Synchronization
import Tokenization

/// Trains arms for equal time (or equally many steps) and judges all of them on the same masked and replaced text.
///
/// Every run is an ordinary run directory in the folder, and resumes where it was interrupted; what is finished is not done
/// again.
public final class Comparison: Sendable {
    /// How long each run is.
    public enum Length: Sendable, Equatable {
        /// Wall-clock time at the speed that a pilot of each arm had beside others.
        case minutes(Double)
        case steps(Int)
    }

    public struct Options: Sendable {
        public var length: Length
        public var seeds: Int
        /// Runs at a time, and threads of each.
        public var jobs: Int
        public var threads: Int
        public var pilotSteps: Int

        public init(length: Length, seeds: Int, jobs: Int, threads: Int = 1, pilotSteps: Int = 60) {
            self.length = length
            self.seeds = seeds
            self.jobs = jobs
            self.threads = threads
            self.pilotSteps = pilotSteps
        }
    }

    typealias Arm = (name: String, configuration: RunConfiguration)

    private let plan: ComparisonConfiguration
    private let arms: [(name: String, configuration: RunConfiguration)]
    private let options: Options
    private let folder: String
    private let progress: ProgressLine
    private let note: @Sendable (_ text: String, _ isWarning: Bool) -> Void

    /// - Parameters:
    ///   - arms: as `ComparisonConfiguration.resolved` gives them.
    ///   - folder: of the comparison; created if need be.
    ///   - note: told what happens, and whether it needs attention, from any thread.
    public init(
        _ plan: ComparisonConfiguration, arms: [(name: String, configuration: RunConfiguration)], options: Options,
        folder: String, progress: ProgressLine, note: @escaping @Sendable (_ text: String, _ isWarning: Bool) -> Void
    ) {
        self.plan = plan
        self.arms = arms
        self.options = options
        // As for runs: ~ is the home directory.
        self.folder = RunDirectory(path: folder).path
        self.progress = progress
        self.note = note
    }

    /// What models are judged on: text by which no rate was chosen, where some is kept apart.
    private var judgedText: HeldOutReader.Selection { arms[0].configuration.corpus.test > 0 ? .test : .heldOut }

    /// The arm that masks text for all, and replaces tokens if any arm does.
    private var judge: Int { plan.judgeIndex(of: arms) }

    /// - Throws: `ComparisonError`, and what stands in the way of a run.
    public func run() throws -> ComparisonReport {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        if arms[0].configuration.tokenizer.path == nil {
            try Run.prepareTokenizer(
                arms[0].configuration, folder: folder, progress: progress, warn: { note("warning: \($0)", true) })
        }
        // Before hours of training: what no model could be judged on.
        let selections: [HeldOutReader.Selection] = judgedText == .test && isTuned ? [.heldOut, .test] : [judgedText]
        for selection in selections {
            try Evaluator.check(configuration(0), has: selection, tokenizer: tokenizer)
        }
        try checkMemory()
        let steps = try budget()
        let trials = try tune(steps)
        let rates = arms.indices.map { Self.best(trials[$0])?.learningRate }
        let (models, judging) = try trainAll(steps, rates)
        let curves = try arms.map {
            try RunCurves(path: RunDirectory(path: path("runs/\($0.name)-0")).metrics, label: $0.name)
        }
        let figures = try judgeAll(models, by: judging)
        let report = ComparisonReport(
            judge: judging.name, replaces: arms[judge].configuration.objective.name.readsReplacements,
            isJudgeApart: judging.isApart, isOnTestText: judgedText == .test,
            arms: arms.enumerated().map { index, arm in
                .init(
                    name: arm.name, settings: plan.arms[index].settings, steps: steps[index],
                    tokens: planned(index, steps: steps[index]).plannedTokens,
                    learningRate: rates[index] ?? arm.configuration[keyPath: plan.arms[index].tunedRate.path],
                    trials: trials[index],
                    seeds: figures[index])
            })
        try OutputFile(checking: path("results.json")).write(report: report)
        try OutputFile(checking: path("results.md")).write(report.markdown)
        var options = CurveFigure.Options()
        options.position = .tokens
        try OutputFile(checking: path("curves.svg")).write(try CurveFigure(curves, metrics: nil, options: options).svg)
        return report
    }

    private func path(_ name: String) -> String { "\(folder)/\(name)" }

    private var isTuned: Bool { plan.arms.contains { !plan.learningRates(of: $0).isEmpty } }

    /// Of all arms: the one that they name, or that of the comparison.
    private var tokenizer: String { arms[0].configuration.tokenizer.path ?? RunDirectory(path: folder).tokenizer }

    /// - Throws: `ComparisonError.memory` where as many runs at a time as were asked for need more than there is. Fewer would have
    ///   other speeds, so that is left to the user.
    private func checkMemory() throws {
        let vocabularySize = try Tokenizer(contentsOf: tokenizer).vocabularySize
        let costs = arms.indices.flatMap { index in
            let arm = configuration(index).engine
            let model = TrainingEngine.model(arm, vocabularySize: vocabularySize)
            return Array(repeating: ModelCost(arm, model: model, threads: options.threads), count: options.seeds)
        }
        let fitting = ModelCost.jobs(thatFit: costs, of: options.jobs)
        guard fitting < options.jobs else { return }
        let problem = ComparisonError.memory(jobs: options.jobs, fitting: fitting)
        // One that has begun has to go on with as many.
        guard FileManager.default.fileExists(atPath: path("budget.json")) else { throw problem }
        note("warning: \(problem)", true)
    }

    /// An arm's configuration with the shared tokenizer.
    private func configuration(_ arm: Int) -> RunConfiguration {
        var configuration = arms[arm].configuration
        configuration.tokenizer.path = tokenizer
        configuration.training.hours = nil
        return configuration
    }

    /// The same with a length.
    private func planned(_ arm: Int, steps: Int) -> RunConfiguration {
        var configuration = configuration(arm)
        configuration.setLength(steps: steps)
        return configuration
    }

    // MARK: - Length

    /// What was decided when the comparison began.
    private struct Budget: Codable {
        var minutes: Double?
        var steps: [String: Int]
        var secondsPerStep: [String: Double] = [:]
        /// What equal time was measured with; nil in folders of earlier versions.
        var jobs: Int?
        var threads: Int?
        /// What the speed of the arms that were measured goes by, by name.
        var arms: [String: String]?
        /// Whether what masks for all trials is none of them; nil in folders of earlier versions.
        var masksApart: Bool?
        /// Whether rates of detectors that correct are chosen by both losses; nil in folders of earlier versions.
        var weighsLosses: Bool?
    }

    /// What a run can have.
    private static let steps = 1...1 << 40

    /// Steps of every arm's runs.
    private func budget() throws -> [Int] {
        let file = path("budget.json")
        var budget = Budget(minutes: nil, steps: [:])
        if case .minutes(let minutes) = options.length {
            (budget.minutes, budget.jobs, budget.threads) = (minutes, options.jobs, options.threads)
        }
        if let data = FileManager.default.contents(atPath: file) {
            let stored = try JSONDecoder().decode(Budget.self, from: data)
            guard stored.minutes == budget.minutes else {
                func text(_ minutes: Double?) -> String { minutes.map { "\($0) minutes" } ?? "a number of steps" }
                throw ComparisonError.otherBudget(
                    path: folder, begun: text(stored.minutes), asked: text(budget.minutes))
            }
            if stored.minutes != nil, (stored.jobs, stored.threads) != (budget.jobs, budget.threads),
                stored.jobs != nil
            {
                func text(_ budget: Budget) -> String { "\(budget.jobs ?? 1) jobs of \(budget.threads ?? 1) threads" }
                throw ComparisonError.otherBudget(path: folder, begun: text(stored), asked: text(budget))
            }
            guard stored.steps.values.allSatisfy({ Self.steps ~= $0 }) else {
                throw ComparisonError.unusableBudget(path: file)
            }
            let weighs = arms.indices.contains { index in
                let name = arms[index].configuration.objective.name
                return name.detects && name.prediction != .none && !plan.learningRates(of: plan.arms[index]).isEmpty
            }
            if isTuned && stored.masksApart == nil || weighs && stored.weighsLosses == nil {
                throw ComparisonError.otherTuning(path: folder)
            }
            budget = stored
        }
        (budget.masksApart, budget.weighsLosses) = (true, true)
        if budget.minutes != nil {
            let speeds = arms.map { Self.whatSpeedGoesBy($0.configuration) }
            for (arm, now) in zip(arms, speeds) where now != budget.arms?[arm.name] ?? now {
                throw ComparisonError.arm(
                    arm.name,
                    "has other settings than those whose speed was measured in \(folder); name it otherwise, or choose another "
                        + "--output")
            }
            budget.arms = (budget.arms ?? [:]).merging(zip(arms.map(\.name), speeds)) { $1 }
        }
        let missing = arms.indices.filter { budget.steps[arms[$0].name] == nil }
        switch options.length {
        case .steps(let steps):
            for arm in arms {
                if let begun = budget.steps[arm.name], begun != steps {
                    throw ComparisonError.otherBudget(path: folder, begun: "\(begun) steps", asked: "\(steps)")
                }
                budget.steps[arm.name] = steps
            }
        case .minutes(let minutes):
            if let arm = missing.first(where: { !arms[$0].configuration.training.stages.isEmpty }) {
                throw ComparisonError.arm(
                    arms[arm].name,
                    "has training.stages, whose speeds differ, so that a pilot cannot tell its time; use --steps")
            }
            let seconds = try pilots(missing)
            try? FileManager.default.removeItem(atPath: path("pilots"))
            for (arm, seconds) in zip(missing, seconds) {
                budget.secondsPerStep[arms[arm].name] = seconds
                budget.steps[arms[arm].name] = Int(min(max(1, minutes * 60 / seconds), Double(Self.steps.upperBound)))
                note(
                    "\(arms[arm].name): \(String(format: "%.3f", seconds)) s a step, "
                        + "\(CountFormat.grouped(budget.steps[arms[arm].name] ?? 0)) steps in \(minutes) minutes", false
                )
            }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        try OutputFile(checking: file).write(try encoder.encode(budget))
        return arms.map { budget.steps[$0.name] ?? 1 }
    }

    /// What a step's time depends on most.
    private static func whatSpeedGoesBy(_ configuration: RunConfiguration) -> String {
        let (model, training, optimizer) = (configuration.model, configuration.training, configuration.optimizer)
        return [
            "\(model.discriminatorShape) \(model.generatorShape) \(model.embeddingSize) \(model.attention)",
            "\(configuration.objective.name) \(configuration.objective.replacements) \(configuration.objective.maskFraction)",
            "\(optimizer.kind) \(optimizer.separate) \(configuration.corpus.sequenceLength) \(training.sequencesPerStep)",
            "\(training.lanes ?? 0) \(training.chunkTokens) \(training.precision) \(training.recomputation)",
        ].joined(separator: " ")
    }

    /// Seconds of a step of some arms, each beside as many others as runs will have.
    private func pilots(_ indices: [Int]) throws -> [Double] {
        if indices.isEmpty { return [] }
        let phase = PhaseProgress("measuring speeds", on: progress)
        defer { phase.finish() }
        let share = Shares(indices.count, phase)
        let left = Mutex(indices.count)
        // Others keep the machine as busy as runs will until the last is measured.
        let others = (0..<max(0, min(options.jobs, arms.count * options.seeds) - 1)).map { $0 % arms.count }
        let pilots =
            indices.enumerated().map { (index: $1, place: $0, isMeasured: true) }
            + others.enumerated().map { (index: $1, place: $0, isMeasured: false) }
        let all = try SideBySide.run(pilots, jobs: options.jobs) { [self] pilot, _ -> Double? in
            let index = pilot.index
            if !pilot.isMeasured, left.withLock({ $0 == 0 }) { return nil }
            defer { if pilot.isMeasured { left.withLock { $0 -= 1 } } }
            var configuration = configuration(index)
            // Others go on until the last pilot is done.
            configuration.training.steps = options.pilotSteps * (pilot.isMeasured ? 1 : 10_000)
            configuration.training.checkpointEvery = 0
            configuration.training.checkpointMinutes = nil
            configuration.training.evaluateEvery = 0
            configuration.evaluation.tokens = 1000
            configuration.evaluation.samples = 0
            // The first step makes memory, the last ones may be alone.
            let clock = ContinuousClock()
            var last = clock.now
            var seconds: [Double] = []
            let folder = path("pilots/\(arms[index].name)" + (pilot.isMeasured ? "" : "-beside-\(pilot.place)"))
            try? FileManager.default.removeItem(atPath: folder)
            _ = try train(configuration, folder: folder) { step, _ in
                let now = clock.now
                if step > 2 { seconds.append((now - last) / .seconds(1)) }
                last = now
                if !pilot.isMeasured { return left.withLock { $0 > 0 } }
                share.set(pilot.place, Double(step) / Double(configuration.training.steps))
                return true
            }
            try? FileManager.default.removeItem(atPath: folder)
            guard pilot.isMeasured else { return nil }
            guard !seconds.isEmpty else {
                throw ComparisonError.arm(arms[index].name, "diverged in its first steps; lower its learning rate")
            }
            return seconds.sorted()[seconds.count / 2]
        }
        return all.prefix(indices.count).compactMap(\.self)
    }

    // MARK: - Training

    /// - Returns: the step at which it diverged, if it did.
    private func train(
        _ configuration: RunConfiguration, folder: String, watch: @escaping (Int, StepRecord) -> Bool
    ) throws -> Int? {
        let run = Run(
            configuration, output: folder, resume: .automatic, threads: options.threads,
            progress: ProgressLine(quiet: true),
            report: { [note] event in
                let name = (folder as NSString).lastPathComponent
                switch event {
                case .warning(let text): note("warning: \(name): \(text)", true)
                case .alarm(let alarm): note("alarm: \(name): \(alarm.message)", true)
                default: break
                }
            }, isWorthwhile: watch)
        do {
            switch try run.start() {
            case .finished: return nil
            case .abandoned(let step): return step
            case .stopped(let signal, _): throw ComparisonError.stopped(signal: signal)
            }
        } catch let error as NonFiniteError {
            return error.step
        } catch RunError.alreadyFinished {
            return nil
        }
    }

    /// A trained model, or where it diverged.
    private struct Model {
        var path: String
        var divergedAt: Int?
    }

    private func tune(_ steps: [Int]) throws -> [[RateTrial]] {
        var found: [[RateTrial]] = arms.map { _ in [] }
        var wanted = arms.indices.flatMap { arm in plan.learningRates(of: plan.arms[arm]).map { (arm, $0) } }
        guard !wanted.isEmpty else { return found }
        let masker = try trainMasker(steps)
        // What stands at the edge of the grid is followed twice.
        for round in 0..<3 where !wanted.isEmpty {
            let scores = try self.trials(
                wanted, steps, maskedBy: masker, label: round == 0 ? "tuning" : "tuning beyond the grid")
            for ((arm, rate), score) in zip(wanted, scores) {
                found[arm].append(.init(learningRate: rate, score: score))
                found[arm].sort { $0.learningRate < $1.learningRate }
            }
            if round == 2 { break }
            wanted = arms.indices.compactMap { arm in
                guard let rate = Self.beyond(found[arm]),
                    (try? ConfigurationReader.check(trial(arm, rate: rate, steps[arm]))) != nil
                else { return nil }
                return (arm, rate)
            }
        }
        for arm in arms.indices where !found[arm].isEmpty {
            let best = Self.best(found[arm])
            note(
                "\(arms[arm].name): learning rate \(best.map { RateTrial.number($0.learningRate) } ?? "none: all diverged")"
                    + (Self.beyond(found[arm]) == nil ? "" : ", at the edge of what was tried"),
                best == nil || Self.beyond(found[arm]) != nil)
        }
        return found
    }

    static func best(_ trials: [RateTrial]) -> RateTrial? {
        trials.filter { $0.score != nil }.min { ($0.score ?? .infinity) < ($1.score ?? .infinity) }
    }

    /// The next rate beyond the edge where the best stands.
    static func beyond(_ trials: [RateTrial]) -> Double? {
        guard trials.count > 1, let best = best(trials), let first = trials.first, let last = trials.last else {
            return nil
        }
        if best.learningRate == first.learningRate {
            return first.learningRate * first.learningRate / trials[1].learningRate
        }
        if best.learningRate == last.learningRate {
            return last.learningRate * last.learningRate / trials[trials.count - 2].learningRate
        }
        return nil
    }

    /// Scores of shorter runs at learning rates: the main encoder's loss on text that one run has masked and replaced for all.
    ///
    /// - Parameter masker: the folder of that run.
    private func trials(
        _ wanted: [(arm: Int, rate: Double)], _ steps: [Int], maskedBy masker: String, label: String
    ) throws -> [Double?] {
        let models = try train(
            wanted.map { arm, rate in
                ("tuning/\(arms[arm].name)-\(RateTrial.number(rate))", trial(arm, rate: rate, steps[arm]))
            }, label: label)
        return try SideBySide.run(Array(zip(wanted.map(\.arm), models)), jobs: options.jobs) { [self] pair, _ in
            let (arm, model) = pair
            guard model.divergedAt == nil else { return nil }
            // Masked as in training: rates are compared within an arm.
            let figures = try judge(model, on: .heldOut, seed: 0, by: masker, hidesAll: false)
            let objective = arms[arm].configuration.objective
            if objective.name.prediction == .none { return figures.discriminatorLoss }
            return objective.name.detects
                ? objective.total(
                    generator: nil, detection: figures.discriminatorLoss, corrective: figures.correctiveLoss)
                : figures.correctiveLoss
        }
    }

    /// A shorter run of an arm, with a complete schedule.
    ///
    /// - Parameter rate: nil for the arm's own.
    private func trial(_ arm: Int, rate: Double?, _ steps: Int) -> RunConfiguration {
        var configuration = planned(arm, steps: steps)
        configuration.scaleLength(
            to: max(1, Int((Double(steps) * plan.tuningShare).rounded())), of: configuration)
        if let rate { configuration[keyPath: plan.arms[arm].tunedRate.path] = rate }
        configuration.training.evaluateEvery = 0
        return configuration
    }

    /// Trains what masks and replaces for all trials: the judge at the middle one of its rates, or the next that does not diverge.
    /// Its seed is no trial's: one that met its own replacements would look better than the others.
    ///
    /// - Returns: its folder.
    private func trainMasker(_ steps: [Int]) throws -> String {
        let rates = plan.learningRates(of: plan.arms[judge])
        let middle = rates.count / 2
        let order = rates.indices.sorted { abs($0 - middle) < abs($1 - middle) }.map { Double?(rates[$0]) }
        for rate in order.isEmpty ? [nil] : order {
            var configuration = trial(judge, rate: rate, steps[judge])
            configuration.training.makeSeedApart()
            let name = arms[judge].name + (rate.map { "-\(RateTrial.number($0))" } ?? "")
            let model = try train([("masking/\(name)", configuration)], label: "tuning, what masks for all")[0]
            if model.divergedAt == nil { return model.path }
        }
        throw ComparisonError.arm(
            arms[judge].name, "diverged at every rate, and is to mask text for the others; name another judge")
    }

    /// Trains every arm with every seed, and what replaces text for all: a further run of the judge's, since a run that is judged on
    /// its own replacements looks better than it is.
    ///
    /// - Returns: the arms' models, and the one that is to mask and replace.
    private func trainAll(_ steps: [Int], _ rates: [Double?]) throws -> (models: [[Model]], judge: Judge) {
        func tuned(_ arm: Int) -> RunConfiguration {
            var configuration = planned(arm, steps: steps[arm])
            if let rate = rates[arm] { configuration[keyPath: plan.arms[arm].tunedRate.path] = rate }
            return configuration
        }
        var runs = (0..<options.seeds).flatMap { seed in
            arms.indices.map { arm in
                var configuration = tuned(arm)
                configuration.training.seed = seed
                return (name: "runs/\(arms[arm].name)-\(seed)", configuration: configuration)
            }
        }
        let replaces = arms[judge].configuration.objective.trainsGenerator
        if replaces {
            var configuration = tuned(judge)
            configuration.training.makeSeedApart()
            runs.append(("judging/\(arms[judge].name)", configuration))
        }
        let all = try train(runs, label: "training")
        let models = arms.indices.map { arm in (0..<options.seeds).map { all[$0 * arms.count + arm] } }
        if replaces, let apart = all.last, apart.divergedAt == nil {
            return (models, Judge(path: apart.path, name: "a further run of \(arms[judge].name)", isApart: true))
        }
        guard let seed = models[judge].firstIndex(where: { $0.divergedAt == nil }) else {
            throw ComparisonError.arm(
                arms[judge].name, "diverged with every seed, and is to mask text for the others; name another judge")
        }
        return (
            models, Judge(path: models[judge][seed].path, name: "\(arms[judge].name), seed \(seed)", isApart: false)
        )
    }

    private func train(_ runs: [(name: String, configuration: RunConfiguration)], label: String) throws -> [Model] {
        let phase = PhaseProgress(label, on: progress)
        defer { phase.finish() }
        let share = Shares(runs.count, phase)
        return try SideBySide.run(Array(runs.enumerated()), jobs: options.jobs) { [self] item, _ in
            let (index, run) = item
            let divergedAt = try train(run.configuration, folder: path(run.name)) { step, _ in
                share.set(index, Double(step) / Double(run.configuration.training.steps))
                return true
            }
            share.set(index, 1)
            if let divergedAt { note("warning: \(run.name) diverged at step \(divergedAt)", true) }
            return Model(path: path(run.name), divergedAt: divergedAt)
        }
    }

    // MARK: - Judging

    /// What masks text for all models, and replaces tokens where it can.
    private struct Judge {
        var path: String
        /// For people.
        var name: String
        /// Whether it is none of the models that are judged.
        var isApart: Bool
    }

    private func judgeAll(_ models: [[Model]], by judging: Judge) throws -> [[ComparisonReport.Figures]] {
        let all = models.flatMap { $0.enumerated().map { (seed: $0, model: $1) } }
        let phase = PhaseProgress("judging", on: progress)
        defer { phase.finish() }
        let share = Shares(all.count, phase)
        let figures = try SideBySide.run(Array(all.enumerated()), jobs: options.jobs) { [self] item, _ in
            defer { share.set(item.offset, 1) }
            return try judge(item.element.model, on: judgedText, seed: item.element.seed, by: judging.path)
        }
        return models.indices.map { index in Array(figures[index * options.seeds..<(index + 1) * options.seeds]) }
    }

    private func judge(
        _ model: Model, on text: HeldOutReader.Selection, seed: Int, by path: String, hidesAll: Bool = true
    ) throws -> ComparisonReport.Figures {
        if let step = model.divergedAt { return .init(seed: seed, divergedAt: step) }
        let corruptor = try LoadedModel(path: path, threads: options.threads, masksForOthers: hidesAll)
        defer { corruptor.engine.pool.shutDown() }
        let loaded = try LoadedModel(path: model.path, threads: options.threads, maskedBy: corruptor)
        defer { loaded.engine.pool.shutDown() }
        let report = try Evaluator(
            loaded.configuration, of: loaded, selection: text, maskedBy: corruptor
        ).evaluate(
            loaded.engine, step: loaded.configuration.training.steps, corruptor: corruptor.engine)
        return .init(
            seed: seed, generatorLoss: report.generatorLoss, correctiveLoss: report.correctiveLoss,
            discriminatorLoss: report.discriminatorLoss, discriminatorAuc: report.discriminatorAuc)
    }
}

/// How far several pieces of work are, as one fraction.
private final class Shares: Sendable {
    private let done: Mutex<[Int: Double]>
    private let count: Int
    private let phase: PhaseProgress

    init(_ count: Int, _ phase: PhaseProgress) {
        self.count = count
        self.phase = phase
        done = Mutex([:])
    }

    func set(_ index: Int, _ fraction: Double) {
        let (total, finished) = done.withLock { done in
            done[index] = fraction
            return (done.values.reduce(0, +), done.values.count { $0 >= 1 })
        }
        let count = count
        phase.update(fraction: total / Double(max(count, 1))) { "\(finished) of \(count) done" }
    }
}
