import Checkpoints
import Communication
import Configuration
import Corpus
import Engine
import Foundation
import Kernels
import Runs
import Tokenization

/// One run of pretraining: from a configuration and an output directory to a trained checkpoint, through any number of
/// interruptions.
public final class Run {
    public let directory: RunDirectory
    public let threads: Int
    /// What was skipped, replaced or cut of the text that was read, once `start` has returned or failed.
    public private(set) var corpusReport = CorpusReport()
    /// What was read of each source, once `start` has returned or failed.
    public private(set) var sources: [SourcePasses] = []
    /// Seconds that the run has taken, all its starts together, once `start` has returned or failed.
    public private(set) var seconds = 0.0
    /// Tokens that it has seen.
    public private(set) var tokens = 0
    private let requested: RunConfiguration
    private let resume: ResumeMode
    private let transfer: WeightTransfer?
    private let progress: ProgressLine
    private let report: (PretrainingEvent) -> Void
    private let acceptsChangedCorpus: Bool
    private let logging: RunLogging
    private let timeline: TimelineRequest?
    private let isWorthwhile: ((Int, StepRecord) -> Bool)?
    private let ranks: RunRanks?
    /// Whether the other ranks have been told what the run begins with.
    private var hasShared = false

    /// - Parameters:
    ///   - output: the run directory; created if need be.
    ///   - transfer: where the weights of a new run come from instead of chance.
    ///   - acceptsChangedCorpus: go on with files that are not those of the checkpoint, from the beginning of a new pass.
    ///   - logging: what is written beside metrics.jsonl and TensorBoard's scalars; settings for its HParams tab are added.
    ///   - timeline: a step whose course is written to a file.
    ///   - ranks: that carry the run together; nil for this process alone.
    ///   - report: called on the thread of `start`, with the progress line out of the way.
    ///   - isWorthwhile: asked after every step with its number; false ends the run, without a checkpoint.
    public init(
        _ configuration: RunConfiguration, output: String, resume: ResumeMode, threads: Int, progress: ProgressLine,
        transfer: WeightTransfer? = nil, acceptsChangedCorpus: Bool = false, logging: RunLogging = RunLogging(),
        timeline: TimelineRequest? = nil, ranks: RunRanks? = nil, report: @escaping (PretrainingEvent) -> Void,
        isWorthwhile: ((Int, StepRecord) -> Bool)? = nil
    ) {
        requested = configuration
        directory = RunDirectory(path: output)
        self.resume = resume
        self.transfer = transfer
        self.threads = threads
        self.progress = progress
        self.report = report
        self.acceptsChangedCorpus = acceptsChangedCorpus
        var logging = logging
        logging.hyperparameters = configuration.hyperparameters
        self.logging = logging
        self.timeline = timeline
        self.isWorthwhile = isWorthwhile
        self.ranks = ranks
    }

    /// Trains until the last step or a signal.
    ///
    /// - Throws: what stands in the way, after the last good checkpoint was left intact.
    public func start() throws -> RunEnd {
        guard !requested.corpus.sources.isEmpty else { throw PretrainingError.noSources }
        try ConfigurationReader.check(requested)
        try requested.checkReplicas(ranks?.group.count ?? 1)
        try ranks?.check(requested)
        guard let ranks else { return try startHere() }
        ranks.group.report = { [progress, report] text in progress.interrupt { report(.warning(text)) } }
        do {
            return try ranks.group.leads ? lead(ranks) : follow(ranks)
        } catch {
            if ranks.group.lostRank != nil {
                // Parting ends all processes, so that nobody says it behind this; whoever has only heard of it lets the one
                // speak that has found it.
                if ranks.group.leads || !Self.isOthersToTell(error) {
                    report(.warning("the run ends: \(error)"))
                } else {
                    sleep(2)
                }
            }
            throw error
        }
    }

    private static func isOthersToTell(_ error: any Error) -> Bool {
        switch error {
        case is RankAlarm, is CancellationError, CommunicationError.peerFailed: true
        default: false
        }
    }

    /// Decides for all ranks.
    private func lead(_ ranks: RunRanks) throws -> RunEnd {
        if let advice = Launcher.advice(ProcessInfo.processInfo.environment) { report(.warning(advice)) }
        do {
            let end = try startHere()
            if case .stopped = end, !hasShared {
                ranks.group.raise(.stopped(signal: TerminationSignals.pending?.rawValue ?? 0))
            }
            return end
        } catch  where !hasShared {
            // The others wait to hear what the run begins with.
            ranks.group.raise(
                error is CancellationError
                    ? .stopped(signal: TerminationSignals.pending?.rawValue ?? 0) : .failed(reason: "\(error)"))
            throw error
        }
    }

    private func startHere() throws -> RunEnd {
        let isNew = !FileManager.default.fileExists(atPath: directory.path)
        let lock = try directory.open()
        return try withExtendedLifetime(lock) {
            do {
                return try pretrain()
            } catch is CancellationError where TerminationSignals.pending != nil {
                // Before the first step, while a tokenizer was trained, say: there is nothing to save yet.
                return .stopped(signal: TerminationSignals.pending.map { "\($0)" } ?? "", step: 0)
            } catch {
                if isNew { directory.discardIfUnused() }
                throw error
            }
        }
    }

    private func pretrain() throws -> RunEnd {
        let pool = try ThreadPool.reserving(threadCount: threads)
        defer { pool.shutDown() }
        try directory.checkpoints.prepare(exclusive: true)
        let start = try RunStart(
            requested, directory: directory, resume: resume, transfer: transfer,
            acceptsChangedCorpus: acceptsChangedCorpus, ranks: ranks?.group, pool: pool, progress: progress,
            report: report)
        hasShared = true
        try ranks?.share(start, requested)
        // What is told before the loop is there cannot be in its journal.
        var tell: (PretrainingEvent) -> Void = { [progress, report] event in progress.interrupt { report(event) } }
        let work = try PretrainingWork(
            requested, start: start, pool: pool, logging: logging, timeline: timeline, ranks: ranks?.group
        ) { tell($0) }
        defer {
            work.stop()
            corpusReport = work.corpusReport
            sources = work.sources
        }
        // Fewer steps than were taken: the run stays what it was.
        if let step = start.documents?.state.step, step > requested.plan.steps {
            throw RunError.alreadyFinished(step: step, steps: requested.plan.steps, path: directory.path)
        }
        try directory.write(
            Data(try ConfigurationWriter.yaml(requested, comments: true).utf8), to: directory.configuration)
        let loop = try RunLoop(
            work, directory: directory, plan: requested.plan, resumingAfter: start.documents?.state.step,
            origin: work.origin, logging: logging, progress: progress, report: report)
        defer { (seconds, tokens) = (loop.seconds, work.tokens) }
        work.checkpointOfStep = { [unowned loop] in try loop.checkpoint(ofStep: $0) }
        tell = loop.tell
        defer { tell = { _ in } }
        loop.tell(.note(work.summary(directory)))
        let end = try loop.run(while: isWorthwhile)
        if let timeline, work.startedSteps < timeline.step {
            report(
                .warning(
                    "there is no timeline: this start had \(work.startedSteps) steps, and it was to show number \(timeline.step) "
                        + "(--timeline-step)"))
        }
        return end
    }

    /// Does what the first rank says, to the end.
    private func follow(_ ranks: RunRanks) throws -> RunEnd {
        let pool = try ThreadPool.reserving(threadCount: threads)
        defer { pool.shutDown() }
        let start: RunStart
        let configuration: RunConfiguration
        do {
            (start, configuration) = try ranks.receive(pool: pool)
        } catch let alarm as RankAlarm {
            throw TerminationSignals.error(of: alarm)
        }
        let work = try PretrainingWork(
            configuration, start: start, pool: pool, logging: RunLogging(), ranks: ranks.group
        ) { [report] event in if case .warning = event { report(event) } }
        defer {
            work.stop()
            (seconds, tokens) = (0, work.tokens)
        }
        return try work.follow()
    }
}
