import Checkpoints
import Formatting

/// Drives a long computation from where it stands to its last step: records, evaluations, checkpoints, signals.
public final class RunLoop<Work: RunWork> {
    private let work: Work
    private let directory: RunDirectory
    private let plan: RunPlan
    private let recorder: RunRecorder<Work.Evaluation>
    private let writer: CheckpointWriter
    /// The step of the newest checkpoint.
    private var savedStep: Int?
    private var savedAt = ContinuousClock.now

    /// Opens the run's records.
    ///
    /// - Parameters:
    ///   - directory: prepared and locked.
    ///   - step: of the checkpoint that the run goes on from; nil for a new run.
    ///   - origin: what runs and where, for the journal.
    ///   - logging: what is written beside.
    ///   - report: called on the thread of `run`, with the progress line out of the way.
    public convenience init(
        _ work: Work, directory: RunDirectory, plan: RunPlan, resumingAfter step: Int?,
        origin: RunOrigin? = nil, logging: RunLogging = RunLogging(), progress: ProgressLine,
        report: @escaping (RunEvent<Work.Evaluation>) -> Void
    ) throws {
        try self.init(
            work, directory: directory, plan: plan, resumingAfter: step, origin: origin, logging: logging,
            progress: progress, writer: CheckpointWriter(directory: directory.checkpoints, retention: plan.retention),
            report: report)
    }

    /// - Parameter writer: of the directory's checkpoints, with the plan's retention.
    package init(
        _ work: Work, directory: RunDirectory, plan: RunPlan, resumingAfter step: Int?, origin: RunOrigin?,
        logging: RunLogging, progress: ProgressLine, writer: CheckpointWriter,
        report: @escaping (RunEvent<Work.Evaluation>) -> Void
    ) throws {
        self.work = work
        self.directory = directory
        self.plan = plan
        savedStep = step
        self.writer = writer
        recorder = try RunRecorder(
            directory, resumingAfter: step, plan: plan, origin: origin, logging: logging,
            progress: progress, report: report)
        work.remember(recorder.alarms, recorder.lastEvaluation)
        guard let step else { return }
        // A process that was killed may not have come to it.
        do { try writer.prune(newest: step) } catch { recorder.tell(.warning("\(error)")) }
    }

    /// Tells those who watch the run.
    public func tell(_ event: RunEvent<Work.Evaluation>) { recorder.tell(event) }

    /// Seconds that the run has taken, without those between an interruption and what followed.
    public var seconds: Double { recorder.seconds }

    /// Steps until the end or a signal; checkpoints and evaluates on the way.
    ///
    /// - Parameter isWorthwhile: asked after every step; false ends the run, without a checkpoint.
    /// - Throws: what stands in the way, after the finished steps were saved.
    public func run(while isWorthwhile: ((Int, Work.Record) -> Bool)? = nil) throws -> RunEnd {
        defer { recorder.finish() }
        do {
            let outcome = try runToEnd(isWorthwhile)
            if case .abandoned = outcome { end(.abandoned) } else { end(.finished) }
            return outcome
        } catch is CancellationError where TerminationSignals.pending != nil {
            do { try checkpoint(waiting: true) } catch {
                end(.failed, "\(error)")
                throw error
            }
            let signal = TerminationSignals.pending.map { "\($0)" } ?? ""
            end(.stopped, signal)
            return .stopped(signal: signal, step: work.step)
        } catch let error as RunError {
            end(.finished)
            throw error
        } catch {
            saveFinishedSteps(before: error)
            end(.failed, "\(error)")
            throw error
        }
    }

    /// What goes wrong while old checkpoints are removed is no failure of the checkpoint that was just written.
    private func tellPruningFailures() {
        for failure in writer.takePruningFailures() { recorder.tell(.warning(failure)) }
    }

    private func end(_ outcome: JournalEntry.Outcome, _ message: String? = nil) {
        tellPruningFailures()
        recorder.end(outcome, message)
    }

    private func runToEnd(_ isWorthwhile: ((Int, Work.Record) -> Bool)?) throws -> RunEnd {
        // A signal leaves no time for the evaluation after its step: it is made up for.
        let isEvaluationMissing =
            work.step > 0 && plan.isEvaluationDue(after: work.step) && !recorder.endsWithEvaluation
        // There may be nothing to evaluate on.
        let isMadeUpFor = isEvaluationMissing ? try evaluate() : false
        if work.step >= plan.steps || work.isDone, !isMadeUpFor {
            throw RunError.alreadyFinished(step: work.step, steps: plan.steps, path: directory.path)
        }
        while work.step < plan.steps, !work.isDone {
            // That of a checkpoint that was written beside the steps since the last one.
            tellPruningFailures()
            if work.mayStop { try TerminationSignals.check() }
            if let record = try step(), isWorthwhile?(work.step, record) == false {
                _ = try writer.finish()
                return .abandoned(step: work.step)
            }
            if work.mayStop { try TerminationSignals.check() }
            // First what must not be lost: an evaluation may fail.
            if plan.isCheckpointDue(after: work.step, seconds: savedAt.duration(to: .now).seconds) {
                try checkpoint(waiting: work.step == plan.steps)
            }
            if plan.isEvaluationDue(after: work.step) { _ = try evaluate() }
        }
        // Of a run that ended early the last checkpoint may be under way; that of the last planned step was waited for.
        if work.step < plan.steps { try checkpoint(waiting: true) }
        return .finished(step: work.step)
    }

    /// - Returns: nil where the step was skipped.
    private func step() throws -> Work.Record? {
        let started = ContinuousClock.now
        switch try work.advance() {
        case .taken(let record):
            recorder.record(record, step: work.step, seconds: started.duration(to: .now).seconds)
            recorder.record(work.histograms, step: work.step)
            recordAlarms()
            return record
        case .skipped(let reason):
            recorder.passOver(step: work.step)
            recorder.tell(.warning("step \(work.step) skipped: \(reason)"))
            return nil
        }
    }

    /// - Returns: whether there was anything to evaluate on.
    private func evaluate() throws -> Bool {
        guard let evaluation = try work.evaluate() else { return false }
        // Before the evaluation: one that is on record is not done again, and its alarms would be lost.
        recordAlarms()
        recorder.record(evaluation)
        return true
    }

    private func recordAlarms() {
        for alarm in work.takeAlarms() { recorder.record(alarm, step: work.step) }
    }

    /// - Parameter waiting: whether to return only when the checkpoint is safe on the disk.
    private func checkpoint(waiting: Bool) throws {
        if waiting {
            // What is still being written is worth having, whatever becomes of this step; what has failed is an earlier one.
            do { try writer.waitUntilIdle() } catch {
                savedStep = nil
                recorder.tell(.warning("a checkpoint was not written: \(error)"))
            }
        }
        do {
            if savedStep != work.step, let contents = try work.checkpoint() {
                recorder.willSave()
                try writer.writeInBackground(contents)
                savedStep = work.step
                savedAt = .now
                recorder.saving()
            }
            guard waiting, let published = try writer.finish() else { return }
            recorder.tell(.checkpoint(step: published.step, path: published.path))
        } catch {
            // It may have been the one before that failed in the background; in doubt, write again.
            savedStep = nil
            throw error
        }
    }

    /// The checkpoint of an earlier step, once it is safe on the disk; nil where there is none.
    ///
    /// - Throws: `CheckpointError`, also where an earlier one could not be written.
    public func checkpoint(ofStep step: Int) throws -> CheckpointReader? {
        do { _ = try writer.finish() } catch {
            savedStep = nil
            throw error
        }
        guard try directory.checkpoints.entries().contains(where: { $0.step == step }) else { return nil }
        return try CheckpointReader(path: directory.checkpoints.path(ofStep: step))
    }

    /// Whatever ends a run costs none of its finished steps. A failure to save them is the lesser one.
    private func saveFinishedSteps(before error: any Error) {
        do {
            try checkpoint(waiting: true)
        } catch let failure {
            // The weights may be what is wrong, or the disk.
            if "\(failure)" != "\(error)" { recorder.tell(.warning("the last steps were not saved: \(failure)")) }
        }
    }
}
