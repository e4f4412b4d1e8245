import Checkpoints
import Communication
import Configuration
import Corpus
import Engine
import Formatting
import Foundation
import Kernels
import Runs
import Tokenization

/// Events of a pretraining run.
public typealias PretrainingEvent = RunEvent<EvaluationReport>

/// Pretraining while it is under way: everything opened, loaded and ready to step.
final class PretrainingWork: RunWork {
    let configuration: RunConfiguration
    let pool: ThreadPool
    private let tokenizer: Tokenizer
    private(set) var engine: TrainingEngine
    private var loader: CorpusLoader
    /// The part of the run that is under way, and what it runs with.
    private var stage: (index: Int, configuration: RunConfiguration)
    private let fingerprint: CorpusFingerprint
    private let listing: CorpusListing
    private var peak: PeakWatch
    let tell: (PretrainingEvent) -> Void
    private let logging: RunLogging
    private let timeline: TimelineRequest?
    /// Steps begun since the start of this process.
    private(set) var startedSteps = 0
    let ranks: RankGroup?
    /// Of replicas that train by themselves between two exchanges.
    private var replicas: ReplicaWork?
    private var stragglers = StragglerWatch()
    /// Of the step under way, where spikes are looked for.
    private var judged: (loss: Double, norm: Double)?
    /// How ranks have spent the last step, or the time since they last met.
    private var timings: [RankTiming] = []
    /// The checkpoint of a step, where the run may go back to it.
    var checkpointOfStep: ((Int) throws -> CheckpointReader?)?
    /// Whether weights and moments are partly those of one step and partly of another, after a failure to go back.
    var isStateTorn = false
    private(set) var histograms: [(tag: String, histogram: ValueHistogram)] = []

    private var state: RunState
    private var loaderState: LoaderState?
    private var loadingHistory: LoadingHistory?
    private var evaluator: Evaluator?
    private var watch = LearningWatch()
    private var alarms: AlarmWatch
    /// Whether the first rank looks at the gradients of the step under way, of which this one has some.
    private var othersSeeGradients = false
    /// Of the step under way, where they are measured.
    private var layerGradients: [LayerGradients] = []
    /// What was skipped or replaced of the text.
    private(set) var corpusReport: CorpusReport

    var step: Int { state.step }
    /// Tokens seen in training.
    var tokens: Int { state.tokens }

    /// - Parameters:
    ///   - start: what the first step depends on.
    ///   - logging: which steps get histograms.
    ///   - timeline: a step whose course is written to a file.
    ///   - ranks: that carry the run together.
    ///   - tell: called on the thread of the run.
    init(
        _ requested: RunConfiguration, start: RunStart, pool: ThreadPool, logging: RunLogging,
        timeline: TimelineRequest? = nil, ranks: RankGroup? = nil, tell: @escaping (PretrainingEvent) -> Void
    ) throws {
        configuration = requested
        self.pool = pool
        self.tell = tell
        self.logging = logging
        self.timeline = timeline
        self.ranks = ranks
        ranks?.step = start.state.step
        ranks?.report = { tell(.warning($0)) }
        listing = start.listing
        corpusReport = start.listing.report
        fingerprint = start.fingerprint
        tokenizer = start.tokenizer
        engine = start.engine
        replicas = ReplicaWork(requested, engine, ranks)
        engine.isCancelled = replicas == nil ? Self.isCancelled : nil
        state = start.state
        if requested.corpus.pairs || start.inheritsTokenTypes { state.trainsTokenTypes = true }
        loaderState = start.loader
        let index = requested.stageIndex(ofStep: state.stagedStep)
        stage = (index, requested.configuration(ofStage: index))
        // Before the loader's threads take processors from the measurement.
        alarms = AlarmWatch(
            requested, vocabularySize: start.tokenizer.vocabularySize, state: start.state.alarms)
        peak = PeakWatch(pool, precision: requested.training.precision)
        loader = try Self.loader(
            stage.configuration, listing: listing, tokenizer: tokenizer, special: start.special,
            resumingFrom: start.loader)
        watchForSpikes()
        try replicas?.begin()
    }

    private static let isCancelled: @Sendable () -> Bool = { TerminationSignals.pending != nil }

    /// What was read of each source.
    var sources: [SourcePasses] {
        zip(configuration.corpus.sources, loaderState?.sources ?? []).map {
            SourcePasses(path: $0.path, passes: $1.epoch, tokens: Int($1.tokens))
        }
    }

    /// Ends the loader's threads, and what other ranks do.
    func stop() {
        loader.stop()
        // Whoever is not there to hear it has ended already. Where one is lost, parting ends all.
        if let ranks, ranks.leads, ranks.lostRank == nil {
            _ = try? RankCommand.exchange(.end, ranks)
            ranks.isOver = true
        }
    }

    private static func loader(
        _ stage: RunConfiguration, listing: CorpusListing, tokenizer: Tokenizer, special: SpecialTokens,
        resumingFrom state: LoaderState?, history: LoadingHistory? = nil
    ) throws -> CorpusLoader {
        let length = stage.corpus.sequenceLength
        return try CorpusLoader(
            listing: listing.with(sequenceLength: length), tokenizer: RunDocumentTokenizer(tokenizer, special),
            seed: UInt64(stage.training.seed), batchSize: stage.training.sequencesPerStep,
            resumingFrom: state?.lengthened(to: length), history: history)
    }

    /// Goes on with the lengths and batches of the stage that the next step belongs to.
    private func enterStage() throws {
        let index = configuration.stageIndex(ofStep: state.step + 1)
        guard index != stage.index else { return }
        stage = (index, configuration.configuration(ofStage: index))
        loader.stop()
        let corruptionCache = engine.corruptionCache
        engine = try TrainingEngine(
            stage.configuration.engine(of: ranks), vocabularySize: tokenizer.vocabularySize, special: engine.special,
            pool: pool, continuing: engine.state, ranks: stage.configuration.sharesSteps ? ranks : nil)
        engine.corruptionCache = corruptionCache
        replicas = ReplicaWork(configuration, engine, ranks)
        watchForSpikes()
        engine.isCancelled = replicas == nil ? Self.isCancelled : nil
        loader = try Self.loader(
            stage.configuration, listing: listing, tokenizer: tokenizer, special: engine.special,
            resumingFrom: loaderState, history: loadingHistory)
        evaluator = nil
        tell(
            .note(
                "from step \(state.step + 1) on, batches of \(stage.configuration.training.sequencesPerStep) × "
                    + "\(stage.configuration.corpus.sequenceLength) tokens"))
    }

    func advance() throws -> StepResult<StepRecord> {
        startedSteps += 1
        let isDrawn = startedSteps == timeline?.step
        guard let ranks else { return try advanceAlone(isDrawn: isDrawn) }
        return try giveUpTogether(ranks) {
            try RankCommand.exchange(
                .step(showsGradients: showsGradients(state.step + 1), isDrawn: isDrawn), ranks)
            return try advanceAlone(isDrawn: isDrawn)
        }
    }

    /// Whether what stands between two steps is one model, so that a run may stop there.
    var mayStop: Bool { replicas?.haveMet ?? true }

    /// What stands in the way of one rank stands in the way of all.
    private func giveUpTogether<Result>(_ ranks: RankGroup, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let alarm as RankAlarm {
            ranks.giveUp()
            throw TerminationSignals.error(of: alarm)
        } catch let error as NonFiniteError where replicas == nil {
            // All have found the same.
            throw error
        } catch {
            // A rank that was given up has been made known with it.
            if ranks.lostRank == nil {
                let signal = TerminationSignals.pending?.rawValue
                ranks.raise(error is CancellationError ? .stopped(signal: signal ?? 0) : .failed(reason: "\(error)"))
            }
            ranks.giveUp()
            throw error
        }
    }

    /// Does what the first rank says, to the end.
    ///
    /// - Throws: what has stood in the way of a step, once the first rank has saved what was finished, or at once where
    ///   that rank has not been heard of for too long.
    func follow() throws -> RunEnd {
        guard let ranks else { preconditionFailure("a run without other ranks follows none") }
        var failure: (any Error)?
        while true {
            let command: RankCommand
            do {
                command = try RankCommand.exchange(nil, ranks)
            } catch let alarm as RankAlarm {
                // Of a rank that is ahead, where replicas train by themselves.
                ranks.giveUp()
                let error = TerminationSignals.error(of: alarm)
                if ranks.lostRank == 0 { throw error }
                failure = error
                continue
            } catch {
                // What it has begun with, and that the first rank said nothing after it.
                if let failure, !(failure is CancellationError) { tell(.warning("\(failure)")) }
                throw error
            }
            switch command {
            case .step(let showsGradients, let isDrawn):
                othersSeeGradients = showsGradients && replicas == nil
                do {
                    _ = try giveUpTogether(ranks) { try advanceAlone(isDrawn: isDrawn) }
                } catch {
                    failure = error
                    if ranks.lostRank == 0 { throw error }
                }
            case .gather: try giveUpTogether(ranks) { try gatherState() }
            case .end:
                ranks.isOver = true
                if let failure, !(failure is CancellationError) { throw failure }
                if let signal = TerminationSignals.pending { return .stopped(signal: "\(signal)", step: state.step) }
                return .finished(step: state.step)
            }
        }
    }

    private func advanceAlone(isDrawn: Bool) throws -> StepResult<StepRecord> {
        guard isDrawn else { return try advanceAlone() }
        let (result, drawing) = try StepTimeline.recorded(step: state.step + 1, ranks) { try advanceAlone() }
        guard let drawing, let timeline else { return result }
        do {
            try drawing.write(timeline)
            tell(.note("what step \(CountFormat.grouped(drawing.step)) was spent with is in \(timeline.path)"))
        } catch {
            tell(.warning("the timeline could not be written: \(error)"))
        }
        return result
    }

    private func advanceAlone() throws -> StepResult<StepRecord> {
        ranks?.step = state.step + 1
        peak.refresh()
        let started = ContinuousClock.now
        try enterStage()
        let loaded = try Profile.span("waiting for text") {
            try loader.next(check: replicas == nil ? TerminationSignals.check : {})
        }
        corpusReport.raise(to: loaded.report)
        for warning in loaded.newWarnings { tell(.warning("\(warning)")) }
        let passes = loaderState?.sources.map(\.epoch) ?? loaded.epochs.map { _ in 0 }
        for warning in watch.repetition(
            from: passes, to: loaded.epochs, paths: configuration.corpus.sources.map(\.path))
        {
            tell(.warning(warning))
        }
        let number = state.step + 1
        do {
            let batch = replicas?.part(of: loaded.batch) ?? loaded.batch
            let outcome = try train(batch, step: number)
            state.skippedInARow = nil
            watch.add(outcome.sums)
            advance(to: number, loaded)
            try meet(after: number)
            let record = record(outcome, loaded, seconds: started.duration(to: .now).seconds)
            alarms.see(record, step: number, layers: layerGradients.isEmpty ? nil : layerGradients)
            return .taken(record)
        } catch let error as NonFiniteError {
            let inARow = state.skippedInARow ?? 0
            guard error.mayPass, inARow < configuration.training.maximumSkippedSteps else { throw error }
            state.skippedInARow = inARow + 1
            state.skippedSteps += 1
            replicas?.skipped += 1
            advance(to: number, loaded)
            try meet(after: number)
            return .skipped(reason: "\(error.place) is not finite")
        } catch let spike as Spike {
            // Its gradients are finite.
            state.skippedInARow = nil
            let rollback = try rollBack(from: number)
            state.skippedSteps = rollback.map { number - $0.learnedSteps } ?? state.skippedSteps + 1
            advance(to: number, loaded)
            return .skipped(reason: "\(spike)\(rollback.map { "; \($0)" } ?? "")")
        }
    }

    /// Has the engine leave out what lies too far from the last steps.
    private func watchForSpikes() {
        guard let deviations = configuration.training.spikeDeviations else { return }
        engine.accepts = { [unowned self] loss, norm in
            judged = (loss, norm)
            try state.spikes?.check(loss: loss, norm: norm, deviations: deviations)
        }
    }

    /// Brings replicas together where it is time, and looks who has kept others waiting.
    private func meet(after step: Int) throws {
        var timings = engine.timings
        if let replicas {
            timings = []
            if let reports = try replicas.meet(after: step) {
                timings = reports.map(\.timing)
                let elsewhere = reports.indices.filter { $0 != ranks?.rank ?? 0 }.reduce(0) { $0 + reports[$1].skipped }
                state.skippedSteps += elsewhere
                if elsewhere > 0 {
                    tell(.warning("\(elsewhere) steps of other replicas were skipped: a gradient was not finite"))
                }
            }
        }
        self.timings = timings
        if let ranks, let warning = stragglers.warning(timings, hosts: ranks.hosts) { tell(.warning(warning)) }
    }

    /// Whether gradients of layers are measured in a step: about as often as the run is evaluated.
    private func isMeasured(_ step: Int) -> Bool {
        let tenth = max(1, configuration.training.steps / 10)
        let interval = configuration.training.evaluateEvery
        // Two measurements at least are needed to tell anything.
        return step % (interval > 0 ? min(interval, tenth) : tenth) == 0
    }

    /// Whether somebody looks at the gradients of a step.
    private func showsGradients(_ step: Int) -> Bool { isMeasured(step) || logging.wantsHistograms(after: step) }

    func takeAlarms() -> [RunAlarm] { alarms.take() }

    func remember(_ alarms: [RunAlarm], _ evaluation: [String: Double]?) {
        // The evaluation after the step of the checkpoint comes after what this has kept; what it has told is on record.
        if let evaluation {
            watch.resume(generator: evaluation["generator_loss"], prediction: evaluation["corrective_loss"])
            self.alarms.see(AlarmWatch.Evaluation(step: state.step, figures: evaluation))
            _ = self.alarms.take()
        }
        self.alarms.remember(alarms)
    }

    /// A step; with the gradients of its layers, and histograms of gradients and of the weights that they have made, where
    /// they are due.
    private func train(_ batch: TokenBatch, step: Int) throws -> StepOutcome {
        (histograms, layerGradients) = ([], [])
        if let ranks, !ranks.leads {
            // The engine of the stage that this step is of.
            engine.seesGradients = othersSeeGradients ? { _, _ in } : nil
            return try engine.train(batch, step: step)
        }
        let (wantsLayers, wantsHistograms) = (isMeasured(step), logging.wantsHistograms(after: step))
        guard wantsLayers || wantsHistograms else { return try engine.train(batch, step: step) }
        let groups = wantsHistograms ? GroupHistograms(engine.state.layout) : nil
        engine.seesGradients = { [pool, unowned self] gradients, range in
            if wantsLayers { layerGradients += LayerGradients.all(gradients, engine.state.layout, within: range) }
            if let groups { histograms += groups.histograms("gradients", gradients, within: range, pool: pool) }
        }
        defer { engine.seesGradients = nil }
        let outcome = try engine.train(batch, step: step)
        guard let groups else { return outcome }
        histograms += groups.histograms(
            "weights", engine.state.weights.base, within: 0..<engine.state.layout.bufferCount, pool: pool)
        return outcome
    }

    private func advance(to step: Int, _ loaded: LoadedBatch) {
        if let judged {
            if state.spikes == nil { state.spikes = SpikeWatch() }
            state.spikes?.add(loss: judged.loss, norm: judged.norm)
        }
        judged = nil
        state.step = step
        state.tokens += loaded.batch.tokenCount
        loaderState = loaded.stateAfter
        loadingHistory = loaded.history
    }

    private func record(_ outcome: StepOutcome, _ loaded: LoadedBatch, seconds: Double) -> StepRecord {
        let batch = loaded.batch
        let attended = configuration.model.meanAttendedTokens(segments: batch.segmentLengths)
        let flops = ModelCost.flopsPerToken(
            configuration.engine, vocabularySize: tokenizer.vocabularySize, attendedTokens: attended)
        let tokensPerSecond = Double(batch.tokenCount) / seconds
        var record = StepRecord(
            tokens: state.tokens, loss: outcome.loss, losses: ObjectiveLosses(configuration.objective, outcome.sums),
            learningRate: outcome.learningRate, gradientNorm: outcome.gradientNorm, tokensPerSecond: tokensPerSecond,
            utilisation: tokensPerSecond * flops / (peak.peak * Double(ranks?.count ?? 1)), epochs: loaded.epochs)
        if !timings.isEmpty { record.ranks = timings }
        return record
    }

    func evaluate() throws -> EvaluationReport? {
        let evaluator = try self.evaluator ?? makeEvaluator()
        self.evaluator = evaluator
        corpusReport.raise(to: evaluator.corpusReport)
        guard !evaluator.batches.isEmpty else { return nil }
        let report = try evaluator.evaluate(engine, step: state.step)
        if let warning = watch.gap(report) { tell(.warning(warning)) }
        alarms.see(AlarmWatch.Evaluation(report))
        return report
    }

    /// Collects the held-out text, at the first evaluation rather than before the first step.
    private func makeEvaluator() throws -> Evaluator {
        if configuration.corpus.heldOut == 0 {
            tell(.warning("corpus.held_out is 0, so there is nothing to evaluate on"))
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
            tell(.warning("there is nothing to evaluate on: \(error)"))
            return try evaluator(nil)
        }
    }

    func checkpoint() throws -> CheckpointContents? {
        // A rank that is lost keeps its share of the moments to itself.
        guard let loaderState, mayStop, !isStateTorn, !engine.isTorn, ranks?.lostRank == nil else { return nil }
        if let ranks { try RankCommand.exchange(.gather, ranks) }
        try gatherState()
        try engine.state.check(step: state.step)
        state.alarms = alarms.state.isEmpty ? nil : alarms.state
        return try TrainingCheckpoint.contents(
            engine,
            TrainingCheckpoint.Documents(
                configuration: configuration, tokenizer: Data(tokenizer.serialized()), loader: loaderState,
                fingerprint: fingerprint, state: state))
    }

    /// The first rank gets what others keep.
    private func gatherState() throws {
        try engine.gatherState()
        try replicas?.gather()
    }

    /// What runs and where.
    var origin: RunOrigin {
        RunOrigin(
            program: "pretrain \(programVersion)", threads: pool.threadCount, peakFlops: peak.peak,
            linearAlgebra: configuration.training.precision.kernelName)
    }

    /// A line for people, before the first step.
    ///
    /// - Parameter directory: of the run.
    func summary(_ directory: RunDirectory) -> String {
        let cost = ModelCost(
            stage.configuration.engine, model: engine.objective.model, threads: pool.threadCount,
            ranks: ranks?.count ?? 1)
        return """
            \(directory.path): \(CountFormat.text(cost.parameters)) parameters, \
            \(CountFormat.text(Int(cost.flopsPerToken))) FLOP per token, \
            \(ranks.map { "\($0.count) ranks on \(Set($0.hosts).count == 1 ? $0.hosts[0] : "\(Set($0.hosts).count) hosts") of " } ?? "")\
            \(pool.threadCount) threads, \
            peak \(String(format: "%.0f", peak.peak * 1e-9)) GFLOP/s, \
            \(state.step == 0 ? "from the beginning" : "from step \(CountFormat.grouped(state.step))")
            """
    }
}

extension TokenBatch {
    var segmentLengths: [Int] { zip(segmentOffsets, segmentOffsets.dropFirst()).map { $1 - $0 } }
}
