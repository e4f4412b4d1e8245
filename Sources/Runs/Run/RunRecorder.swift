import Files
import Formatting
import Foundation
import Machine

/// Writes a run's records: `metrics.jsonl`, `samples.jsonl`, `journal.jsonl`, TensorBoard events and the progress line.
///
/// A record that cannot be kept never stops a run: it is reported once.
final class RunRecorder<Evaluation: RunEvaluation> {
    private let log: MetricsLog
    private let samples: MetricsLog
    private let journal: RunJournal
    private let board: TensorBoardWriter
    private let tables: (training: CSVLog, evaluations: CSVLog)?
    private let logging: RunLogging
    private let progress: ProgressLine
    private let plan: RunPlan
    private let report: (RunEvent<Evaluation>) -> Void
    private var timeLeft = TimeLeft()
    private var energy = EnergyMeter()
    private let startedAt = ContinuousClock.now
    private let processorSecondsBefore = RunUsage.processorSecondsOfProcess
    /// Steps that are finished, those that were skipped included.
    private var step: Int
    /// The step whose evaluation is done again, since the log did not come to have it; other records may.
    private let repeatedStep: Int?

    /// - Parameters:
    ///   - step: of the checkpoint that the run goes on from; nil for a new run.
    ///   - origin: what runs and where; nil to tell nothing of it.
    init(
        _ directory: RunDirectory, resumingAfter step: Int?, plan: RunPlan, origin: RunOrigin?, logging: RunLogging,
        progress: ProgressLine, report: @escaping (RunEvent<Evaluation>) -> Void
    ) throws {
        self.step = step ?? 0
        log = try MetricsLog(path: directory.metrics, resumingAfter: step)
        repeatedStep = log.endsWithEvaluation ? nil : step.flatMap { plan.isEvaluationDue(after: $0) ? $0 : nil }
        let evaluatedStep = repeatedStep.map { $0 - 1 } ?? step
        samples = try MetricsLog(path: directory.samples, resumingAfter: evaluatedStep)
        journal = try RunJournal(path: directory.journal)
        board = try TensorBoardWriter(directory: directory.tensorboard, resumingAfter: step)
        tables =
            logging.writesCSV
            ? (
                try CSVLog(path: directory.path + "/metrics.csv", resumingAfter: step),
                try CSVLog(path: directory.path + "/evaluations.csv", resumingAfter: evaluatedStep)
            ) : nil
        self.logging = logging
        self.plan = plan
        self.progress = progress
        self.report = report
        keep {
            for folder in [directory.path, directory.tensorboard] { try FileDescriptor.synchronizeFolder(folder) }
        }
        enter(.started) { $0.origin = origin }
        if !logging.hyperparameters.isEmpty { keep { try board.start(logging.hyperparameters) } }
    }

    /// Seconds that the run has taken, without those between an interruption and what followed.
    var seconds: Double { log.seconds + secondsHere }
    private var energyAskedAt = ContinuousClock.now
    private var secondsHere: Double { startedAt.duration(to: .now).seconds }

    /// Whether the evaluation after the step that the run goes on from is on record.
    var endsWithEvaluation: Bool { log.endsWithEvaluation }

    /// Alarms that were on record when the run began or went on.
    var alarms: [RunAlarm] { log.alarms }

    /// Figures of the evaluation after the step that the run goes on from, if it is on record.
    var lastEvaluation: [String: Double]? { log.lastEvaluation }

    func record(_ alarm: RunAlarm, step: Int) {
        keep { try log.append(AlarmLine(alarm: alarm), step: step, seconds: seconds) }
        tell(.alarm(alarm))
    }

    /// Records a step and shows it.
    ///
    /// - Parameter seconds: that the step took, waiting for its batch included.
    func record(_ record: some RunRecord, step: Int, seconds: Double) {
        timeLeft.add(stepSeconds: seconds, size: plan.sizes.size(ofStep: step))
        self.step = step
        // Its counters go round within minutes.
        if energyAskedAt.duration(to: .now) > .seconds(30) {
            energyAskedAt = .now
            _ = energy?.joules()
        }
        if step % plan.logEvery == 0 || step == 1 || step == plan.steps {
            keep { try log.append(record, step: step, seconds: self.seconds) }
            keep { try board.append(step: step, scalars: record.scalars) }
            if let tables {
                keep { try tables.training.append(step: step, seconds: self.seconds, columns(record.scalars)) }
            }
        }
        progress.update(step: step, fraction: Double(step) / Double(max(1, plan.steps))) {
            let place = "\(CountFormat.grouped(step))/\(CountFormat.grouped(plan.steps))"
            var fields = record.progressFields
            if let seconds = timeLeft.seconds(for: plan.sizes.total(after: step, through: plan.steps)) {
                fields.insert(.timeLeft(seconds), at: min(1, fields.count))
            }
            let share = Double(step) / Double(max(1, plan.steps))
            return [ProgressField("step \(place)", place, String(format: "%.1f %%", 100 * share))] + fields
        }
    }

    /// A step is finished that leaves no record.
    func passOver(step: Int) { self.step = step }

    /// Records an evaluation, in the log last: it is not done again once it is there, so the other records must have it by then,
    /// whatever happens in between.
    func record(_ evaluation: Evaluation) {
        let (scalars, texts) = (evaluation.scalars, evaluation.texts)
        if let record = evaluation.samplesRecord {
            keep { try samples.append(AnyRecord(record: record), step: evaluation.step, seconds: seconds) }
            keep { try samples.synchronize() }
        }
        let tag = scalars.first?.tag ?? texts.first?.tag
        let isShown = evaluation.step == repeatedStep && tag.map { board.shows($0, step: evaluation.step) } == true
        if !isShown, tag != nil {
            keep { try board.append(step: evaluation.step, scalars: scalars, texts: texts) }
        }
        keep { try board.synchronize() }
        if let tables {
            keep { try tables.evaluations.append(step: evaluation.step, seconds: seconds, columns(scalars)) }
            keep { try tables.evaluations.synchronize() }
        }
        keep { try log.append(EvaluationLine(evaluation: evaluation.logged), step: evaluation.step, seconds: seconds) }
        tell(.evaluation(evaluation))
    }

    func record(_ histograms: [(tag: String, histogram: ValueHistogram)], step: Int) {
        if !histograms.isEmpty { keep { try board.append(step: step, histograms: histograms) } }
    }

    /// Tags without their group, what stands before the first stroke: tables have none.
    private func columns(_ scalars: [(tag: String, value: Double)]) -> [(name: String, value: Double)] {
        scalars.map { scalar in
            let parts = scalar.tag.split(separator: "/")
            return (parts.dropFirst(parts.count > 1 ? 1 : 0).joined(separator: "_"), scalar.value)
        }
    }

    func tell(_ event: RunEvent<Evaluation>) {
        switch event {
        case .warning(let text): enter(.warning) { $0.message = text }
        // The log has alarms and evaluations.
        case .note, .alarm, .evaluation, .checkpoint: break
        }
        progress.interrupt { report(event) }
    }

    func finish() { progress.finish() }

    /// A checkpoint is about to be written: what was recorded before it has to last as long as it does.
    func willSave() { synchronize() }

    /// A checkpoint is on its way.
    func saving() { enter(.checkpoint) { $0.usage = usage() } }

    private func synchronize() {
        keep { try log.synchronize() }
        keep { try samples.synchronize() }
        keep { try journal.synchronize() }
        keep { try board.synchronize() }
        if let tables {
            keep { try tables.training.synchronize() }
            keep { try tables.evaluations.synchronize() }
        }
    }

    /// The last entry of the journal.
    func end(_ outcome: JournalEntry.Outcome, _ message: String? = nil) {
        enter(.ended) { entry in
            entry.outcome = outcome
            entry.message = message
            entry.usage = usage()
        }
        if !logging.hyperparameters.isEmpty { keep { try board.end(isSuccess: outcome == .finished) } }
        synchronize()
    }

    private func usage() -> RunUsage {
        RunUsage(
            seconds: secondsHere, energyJoules: energy?.joules(), processorSecondsBefore: processorSecondsBefore)
    }

    private func enter(_ event: JournalEntry.Event, _ fill: (inout JournalEntry) -> Void) {
        var entry = JournalEntry(event: event, time: Date().timeIntervalSince1970, step: step)
        fill(&entry)
        do { try journal.append(entry) } catch { progress.interrupt { report(.warning("\(error)")) } }
    }

    private func keep(_ body: () throws -> Void) {
        do { try body() } catch { tell(.warning("\(error)")) }
    }
}

/// An alarm as a line of `metrics.jsonl`.
struct AlarmLine: Codable {
    var alarm: RunAlarm
}

private struct AnyRecord: Encodable {
    var record: any Encodable
    func encode(to encoder: any Encoder) throws { try record.encode(to: encoder) }
}

/// An evaluation as a line of `metrics.jsonl`, told from step records by its key.
private struct EvaluationLine<Evaluation: Encodable>: Encodable {
    var evaluation: Evaluation
}
