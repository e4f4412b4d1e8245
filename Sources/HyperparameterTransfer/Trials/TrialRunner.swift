import Engine
import Files
import Foundation
import Pretraining
import Runs
import Synchronization

/// Carries out trials side by side, and remembers what they came to.
///
/// Small models gain little from a second thread, so that several runs of one thread each are faster than one run of
/// several. Every trial resumes where it was interrupted, and a finished one is not run again.
public final class TrialRunner: Sendable {
    private let folder: String
    private let jobs: Int
    private let threads: Int
    private let vocabularySize: Int
    private let progress: PhaseProgress?
    private let note: @Sendable (String) -> Void
    private let corruptions: Corruptions?
    private let state: Mutex<State>

    private struct State {
        /// By `Trial.key`.
        var finished: [String: TrialResult] = [:]
        var doneFlops = 0.0
        var plannedFlops: Double
        /// Of the trials under way, by job.
        var underWay: [Int: Double] = [:]
    }

    /// - Parameters:
    ///   - folder: the search's directory.
    ///   - jobs: trials at a time.
    ///   - threads: of each.
    ///   - corruptions: of the held-out batches, equal for all trials; nil: each trial's own alone.
    ///   - plannedFlops: of all that will be asked for, for the progress.
    public init(
        folder: String, jobs: Int, threads: Int, vocabularySize: Int, plannedFlops: Double, progress: PhaseProgress?,
        corruptions: Corruptions? = nil, note: @escaping @Sendable (String) -> Void
    ) {
        self.folder = folder
        self.jobs = jobs
        self.threads = threads
        self.vocabularySize = vocabularySize
        self.progress = progress
        self.note = note
        self.corruptions = corruptions
        state = Mutex(State(plannedFlops: plannedFlops))
    }

    /// Runs what has not been run yet.
    ///
    /// - Returns: a result for each trial, in their order.
    /// - Throws: `TransferError.stopped` after a signal; whatever else than divergence stops a run.
    public func run(_ trials: [Trial]) throws -> [TrialResult] {
        var keys: [String] = []
        var waiting: [(trial: Trial, key: String)] = []
        for trial in trials {
            let key = try trial.key
            keys.append(key)
            if let stored = stored(trial, key: key) {
                remember(stored, key: key, ran: false)
                // Killed behind the result.
                StepLosses(folder: path(trial)).remove()
            }
            let isKnown = state.withLock { $0.finished[key] != nil } || waiting.contains { $0.key == key }
            if isKnown {
                state.withLock { $0.plannedFlops -= trial.flops(vocabularySize: vocabularySize) }
            } else {
                waiting.append((trial, key))
            }
        }
        // The longest first: the last ones to finish then leave other jobs idle for the shortest time.
        waiting.sort { $0.trial.flops(vocabularySize: vocabularySize) > $1.trial.flops(vocabularySize: vocabularySize) }
        let costs = waiting.map { trial, _ in
            let engine = trial.configuration.engine
            return ModelCost(
                engine, model: TrainingEngine.model(engine, vocabularySize: vocabularySize), threads: threads)
        }
        let fitting = ModelCost.jobs(thatFit: costs, of: jobs)
        if fitting < jobs { note("there is memory for \(fitting) trials at a time, not \(jobs): no more are begun") }
        _ = try SideBySide.run(waiting, jobs: fitting) { [self] next, job in
            remember(try carryOut(next.trial, key: next.key, job: job), key: next.key, ran: true, job: job)
        }
        return try zip(trials, keys).map { trial, key in
            guard let result = state.withLock({ $0.finished[key] }) else {
                throw TransferError.cannotWrite(path: trial.name, reason: "the trial left no result")
            }
            var own = result
            own.values = trial.values
            return own
        }
    }

    private func remember(_ result: TrialResult, key: String, ran: Bool, job: Int? = nil) {
        state.withLock { state in
            state.finished[key] = result
            if ran { state.doneFlops += result.flops }
            if let job { state.underWay[job] = nil }
        }
    }

    private func path(_ trial: Trial) -> String { "\(folder)/\(trial.name)" }

    private func stored(_ trial: Trial, key: String) -> TrialResult? {
        guard let data = FileManager.default.contents(atPath: path(trial) + "/result.json"),
            let result = try? JSONDecoder().decode(TrialResult.self, from: data), result.key == key
        else { return nil }
        return result
    }

    private func carryOut(_ trial: Trial, key: String, job: Int) throws -> TrialResult {
        let configuration = trial.configuration
        let steps = configuration.training.steps
        let flops = trial.flops(vocabularySize: vocabularySize)
        var watch = DivergenceWatch(warmup: configuration.optimizer.warmupSteps)
        var losses = StepLosses(folder: path(trial))
        var isFirst = true
        var evaluation: EvaluationReport?
        var divergedAt: Int?
        let run = Run(
            configuration, output: path(trial), resume: .automatic, threads: threads,
            progress: ProgressLine(quiet: true)
        ) { [note] event in
            switch event {
            case .evaluation(let report): evaluation = report
            case .warning(let text): note("\(trial.name): \(text)")
            default: break
            }
        } isWorthwhile: { step, record in
            self.advance(job: job, flops: flops * Double(step) / Double(steps))
            if isFirst { watch.resume(losses.before(step: step)) }
            isFirst = false
            losses.set(step: step, record.loss)
            return !watch.sees(step: step, loss: record.loss)
        }
        do {
            switch try run.start() {
            case .finished: break
            case .abandoned(let step): divergedAt = step
            case .stopped(let signal, _): throw TransferError.stopped(signal: signal)
            }
        } catch let error as NonFiniteError {
            divergedAt = error.step
        } catch RunError.alreadyFinished {
            // Killed between the last checkpoint and the result.
            evaluation = nil
        }
        var result = TrialResult(
            name: trial.name, values: trial.values, hiddenSize: configuration.model.hiddenSize, steps: steps,
            divergedAt: divergedAt, flops: flops * Double(divergedAt ?? steps) / Double(steps), key: key)
        if divergedAt == nil {
            let found =
                trial.isTested
                ? HeldOut(
                    try CheckpointEvaluation(directory: path(trial), selection: .test, threads: threads).evaluate())
                : try evaluation.map(HeldOut.init) ?? HeldOut(metricsOf: path(trial), step: steps)
            result.generatorLoss = found.generatorLoss
            result.discriminatorLoss = found.discriminatorLoss
            result.discriminatorAuc = found.discriminatorAuc
            result.unigramEntropy = found.unigramEntropy
            let total = configuration.objective.total(
                generator: found.generatorLoss, detection: found.discriminatorLoss, corrective: found.correctiveLoss,
                contrastive: found.contrastiveLoss)
            result.totalLoss = total
            if !total.isFinite {
                (result.totalLoss, result.generatorLoss, result.discriminatorLoss) = (nil, nil, nil)
                result.divergedAt = steps
            } else if let corruptions {
                try addFixed(corruptions, to: &result, trial)
            }
        }
        try JSONFile.write(result, to: path(trial) + "/result.json")
        losses.remove()
        return result
    }

    /// The losses on the replacements that all trials are ranked by.
    private func addFixed(_ corruptions: Corruptions, to result: inout TrialResult, _ trial: Trial) throws {
        let report = try CheckpointEvaluation(
            directory: path(trial), selection: trial.isTested ? .test : .heldOut, threads: threads
        ).evaluate(corruptions: trial.isTested ? corruptions.test : corruptions.heldOut)
        result.fixedDiscriminatorLoss = report.discriminatorLoss
        result.fixedDiscriminatorAuc = report.discriminatorAuc
        result.fixedTotalLoss = trial.configuration.objective.total(
            generator: report.generatorLoss, detection: report.discriminatorLoss, corrective: report.correctiveLoss,
            contrastive: report.contrastiveLoss)
    }

    private func advance(job: Int, flops: Double) {
        guard let progress else { return }
        let fraction = state.withLock { state in
            state.underWay[job] = flops
            return (state.doneFlops + state.underWay.values.reduce(0, +)) / max(state.plannedFlops, 1)
        }
        let finished = state.withLock { $0.finished.count }
        progress.update(fraction: min(1, fraction)) { "\(finished) trials finished" }
    }
}

/// Replacements that all trials are judged on.
public struct Corruptions: Sendable {
    var heldOut: [Corruption]
    /// Empty where the corpus has no test documents.
    var test: [Corruption]
}

/// What is read of an evaluation.
private struct HeldOut: Decodable {
    var generatorLoss: Double?
    var discriminatorLoss: Double?
    var correctiveLoss: Double?
    var contrastiveLoss: Double?
    var discriminatorAuc: Double?
    var unigramEntropy: Double

    init(_ report: EvaluationReport) {
        generatorLoss = report.generatorLoss
        discriminatorLoss = report.discriminatorLoss
        correctiveLoss = report.correctiveLoss
        contrastiveLoss = report.contrastiveLoss
        discriminatorAuc = report.discriminatorAuc
        unigramEntropy = report.unigramEntropy
    }

    private struct Line: Decodable {
        var step: Int
        var evaluation: HeldOut
    }

    /// The evaluation after the last step, from the run's own record.
    init(metricsOf directory: String, step: Int) throws {
        let path = RunDirectory(path: directory).metrics
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let lines = FileManager.default.contents(atPath: path)?.split(separator: 0x0A) ?? []
        for line in lines.reversed() {
            if let found = try? decoder.decode(Line.self, from: line), found.step == step {
                self = found.evaluation
                return
            }
        }
        throw TransferError.cannotWrite(
            path: path, reason: "the trial is finished but its evaluation is not on record; remove its directory")
    }
}

/// Small documents of a search.
enum JSONFile {
    static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return encoder
    }()

    static func write(_ value: some Encodable, to path: String) throws {
        try OutputFile(checking: path).write(try encoder.encode(value))
    }

    static func write(_ text: String, to path: String) throws {
        try OutputFile(checking: path).write(text)
    }
}
