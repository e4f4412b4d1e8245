import Checkpoints
import Configuration
import Corpus
import Formatting
import Foundation
import Kernels
import Tokenization

/// A run while it is under way: everything opened, loaded and ready to step.
final class RunSession {
    private let configuration: RunConfiguration
    private let directory: RunDirectory
    private let pool: ThreadPool
    private let recorder: RunRecorder
    private let tokenizer: ByteLevelBPE
    private var engine: TrainingEngine
    private var loader: CorpusLoader
    /// The part of the run that is under way, and what it runs with.
    private var stage: (index: Int, configuration: RunConfiguration)
    private let writer: CheckpointWriter
    private let fingerprint: CorpusFingerprint
    private let listing: CorpusListing
    private let peak: Double

    private var state: RunState
    private var loaderState: LoaderState?
    private var evaluator: Evaluator?
    private var lastCheckpoint: Int?
    private var skippedInARow = 0
    /// What was skipped or replaced of the text.
    private(set) var corpusReport: CorpusReport

    /// Opens everything that the run needs, from the checkpoint or anew.
    init(
        _ requested: RunConfiguration, directory: RunDirectory, resume: ResumeMode, transfer: WeightTransfer?,
        pool: ThreadPool, progress: ProgressLine, report: @escaping (RunEvent) -> Void
    ) throws {
        configuration = requested
        self.directory = directory
        self.pool = pool
        try directory.checkpoints.prepare(exclusive: true)
        let start = try RunStart(
            requested, directory: directory, resume: resume, transfer: transfer, pool: pool, progress: progress,
            report: report)
        listing = start.listing
        corpusReport = start.listing.report
        fingerprint = start.fingerprint
        tokenizer = start.tokenizer
        engine = start.engine
        state = start.documents?.state ?? RunState()
        loaderState = start.documents?.loader
        lastCheckpoint = start.documents?.state.step
        let index = requested.stageIndex(ofStep: state.step + 1)
        stage = (index, requested.configuration(ofStage: index))
        // Before the loader's threads take processors from the measurement.
        peak = Kernels.measurePeak(pool)
        loader = try Self.loader(
            stage.configuration, listing: listing, tokenizer: tokenizer, special: start.special,
            resumingFrom: start.documents?.loader)
        writer = CheckpointWriter(
            directory: directory.checkpoints,
            retention: Retention(keepLast: requested.training.keepLast, keepEvery: requested.training.keepEvery))
        try directory.write(
            Data(try ConfigurationWriter.yaml(requested, comments: true).utf8), to: directory.configuration)
        recorder = try RunRecorder(
            directory, resumingAfter: start.documents?.state.step, configuration: requested.training,
            progress: progress, report: report)
        recorder.tell(.note(summary()))
    }

    /// Steps until the end or a signal; checkpoints and evaluates on the way.
    func train(while isWorthwhile: ((StepOutcome) -> Bool)? = nil) throws -> RunEnd {
        defer { loader.stop() }
        do {
            return try trainToEnd(isWorthwhile)
        } catch {
            // What stops the run must not cost the checkpoint that is being written; its own failure is the lesser one.
            _ = try? writer.finish()
            recorder.finish()
            throw error
        }
    }

    private func trainToEnd(_ isWorthwhile: ((StepOutcome) -> Bool)?) throws -> RunEnd {
        let steps = configuration.training.steps
        // A signal leaves no time for the evaluation after its step: it is made up for.
        let isEvaluationMissing = state.step > 0 && isEvaluationDue && !recorder.endsWithEvaluation
        if state.step >= steps, !isEvaluationMissing {
            throw RunError.alreadyFinished(step: state.step, path: directory.path)
        }
        if isEvaluationMissing { try evaluate() }
        while state.step < steps {
            let started = ContinuousClock.now
            if let outcome = try step(started: started), isWorthwhile?(outcome) == false {
                _ = try writer.finish()
                recorder.finish()
                return .abandoned(step: state.step)
            }
            if let signal = TerminationSignals.pending {
                try checkpoint(waiting: true)
                recorder.finish()
                return .stopped(signal: "\(signal)", step: state.step)
            }
            if isEvaluationDue { try evaluate() }
            let isLast = state.step == steps
            if isLast || isDue(configuration.training.checkpointEvery) { try checkpoint(waiting: isLast) }
        }
        recorder.finish()
        return .finished(step: state.step)
    }

    private var isEvaluationDue: Bool {
        state.step == configuration.training.steps || isDue(configuration.training.evaluateEvery)
    }

    private func isDue(_ interval: Int) -> Bool { interval > 0 && state.step % interval == 0 }

    private static func loader(
        _ stage: RunConfiguration, listing: CorpusListing, tokenizer: ByteLevelBPE, special: SpecialTokens,
        resumingFrom state: LoaderState?
    ) throws -> CorpusLoader {
        let length = stage.corpus.sequenceLength
        return try CorpusLoader(
            listing: listing.with(sequenceLength: length), tokenizer: RunDocumentTokenizer(tokenizer, special),
            seed: UInt64(stage.training.seed), batchSize: stage.training.sequencesPerStep,
            resumingFrom: state?.lengthened(to: length))
    }

    /// Goes on with the lengths and batches of the stage that the next step belongs to.
    private func enterStage() throws {
        let index = configuration.stageIndex(ofStep: state.step + 1)
        guard index != stage.index else { return }
        stage = (index, configuration.configuration(ofStage: index))
        loader.stop()
        engine = try TrainingEngine(
            stage.configuration, vocabularySize: tokenizer.vocabularySize, special: engine.special, pool: pool,
            continuing: engine.state)
        loader = try Self.loader(
            stage.configuration, listing: listing, tokenizer: tokenizer, special: engine.special,
            resumingFrom: loaderState)
        evaluator = nil
        recorder.tell(
            .note(
                "from step \(state.step + 1) on, batches of \(stage.configuration.training.sequencesPerStep) × "
                    + "\(stage.configuration.corpus.sequenceLength) tokens"))
    }

    /// - Returns: nil where the step was skipped.
    private func step(started: ContinuousClock.Instant) throws -> StepOutcome? {
        try enterStage()
        let loaded = try nextBatch()
        corpusReport.raise(to: loaded.report)
        for warning in loaded.newWarnings { recorder.tell(.warning("\(warning)")) }
        let number = state.step + 1
        do {
            let outcome = try engine.train(loaded.batch, step: number)
            skippedInARow = 0
            advance(to: number, loaded)
            let seconds = started.duration(to: .now).seconds
            recorder.record(record(outcome, loaded, seconds: seconds), step: number, seconds: seconds)
            return outcome
        } catch let error as NonFiniteError {
            guard skippedInARow < configuration.training.maximumSkippedSteps else { throw error }
            skippedInARow += 1
            state.skippedSteps += 1
            advance(to: number, loaded)
            recorder.tell(.warning("step \(number) skipped: \(error.place) is not finite"))
            return nil
        }
    }

    /// The next batch. A corpus that fails in the middle of a run costs none of the steps before.
    private func nextBatch() throws -> LoadedBatch {
        do {
            return try loader.next()
        } catch {
            if state.step > 0 { try checkpoint(waiting: true) }
            throw error
        }
    }

    private func advance(to step: Int, _ loaded: LoadedBatch) {
        state.step = step
        state.tokens += loaded.batch.tokenCount
        loaderState = loaded.stateAfter
    }

    private func record(_ outcome: StepOutcome, _ loaded: LoadedBatch, seconds: Double) -> StepRecord {
        let batch = loaded.batch
        let attended = configuration.model.meanAttendedTokens(segments: batch.segmentLengths)
        let flops = ModelCost.flopsPerToken(
            configuration, vocabularySize: tokenizer.vocabularySize, attendedTokens: attended)
        let tokensPerSecond = Double(batch.tokenCount) / seconds
        return StepRecord(
            tokens: state.tokens, loss: outcome.loss, losses: ObjectiveLosses(configuration.objective, outcome.sums),
            learningRate: outcome.learningRate, gradientNorm: outcome.gradientNorm, tokensPerSecond: tokensPerSecond,
            utilisation: tokensPerSecond * flops / peak, epoch: loaded.epochs.first ?? 0)
    }

    private func evaluate() throws {
        let evaluator = try self.evaluator ?? makeEvaluator()
        self.evaluator = evaluator
        corpusReport.raise(to: evaluator.corpusReport)
        guard !evaluator.batches.isEmpty else { return }
        recorder.record(evaluator.evaluate(engine, step: state.step))
    }

    /// Collects the held-out text, at the first evaluation rather than before the first step.
    private func makeEvaluator() throws -> Evaluator {
        if configuration.corpus.heldOut == 0 {
            recorder.tell(.warning("corpus.held_out is 0, so there is nothing to evaluate on"))
        }
        func evaluator(_ listing: CorpusListing?) throws -> Evaluator {
            try Evaluator(
                stage.configuration, listing: listing?.with(sequenceLength: stage.configuration.corpus.sequenceLength),
                tokenizer: tokenizer, special: engine.special,
                tokens: configuration.evaluation.tokens)
        }
        do {
            return try evaluator(configuration.corpus.heldOut > 0 ? listing : nil)
        } catch let error as CorpusError {
            // Nobody should lose training because a small corpus happens to have nothing to evaluate on.
            guard case .noHeldOutDocuments = error else { throw error }
            recorder.tell(.warning("there is nothing to evaluate on: \(error)"))
            return try evaluator(nil)
        }
    }

    private func checkpoint(waiting: Bool) throws {
        guard let loaderState else { return }
        if lastCheckpoint != state.step {
            let documents = TrainingCheckpoint.Documents(
                configuration: configuration, tokenizer: Data(tokenizer.serialized()), loader: loaderState,
                fingerprint: fingerprint, state: state)
            try writer.writeInBackground(try TrainingCheckpoint.contents(engine, documents))
            lastCheckpoint = state.step
        }
        guard waiting, let published = try writer.finish() else { return }
        recorder.tell(.checkpoint(step: published.step, path: published.path))
        if let failure = published.pruningFailure { recorder.tell(.warning(failure)) }
    }

    private func summary() -> String {
        let cost = ModelCost(stage.configuration, model: engine.objective.model, threads: pool.threadCount)
        return """
            \(directory.path): \(CountFormat.text(cost.parameters)) parameters, \
            \(CountFormat.text(Int(cost.flopsPerToken))) FLOP per token, \(pool.threadCount) threads, \
            peak \(String(format: "%.0f", peak * 1e-9)) GFLOP/s, \
            \(state.step == 0 ? "from the beginning" : "from step \(CountFormat.grouped(state.step))")
            """
    }
}

extension Duration {
    /// The duration in seconds.
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

extension TokenBatch {
    var segmentLengths: [Int] { zip(segmentOffsets, segmentOffsets.dropFirst()).map { $1 - $0 } }
}
