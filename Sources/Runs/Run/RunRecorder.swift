import Formatting
import Foundation

/// Writes a run's records: `metrics.jsonl`, TensorBoard events and the progress line.
///
/// A record that cannot be kept never stops a run: it is reported once.
final class RunRecorder<Evaluation: RunEvaluation> {
    private let log: MetricsLog
    private let board: TensorBoardWriter
    private let progress: ProgressLine
    private let plan: RunPlan
    private let report: (RunEvent<Evaluation>) -> Void
    private var timeLeft = TimeLeft()

    /// - Parameter step: of the checkpoint that the run goes on from; nil for a new run.
    init(
        _ directory: RunDirectory, resumingAfter step: Int?, plan: RunPlan, progress: ProgressLine,
        report: @escaping (RunEvent<Evaluation>) -> Void
    ) throws {
        log = try MetricsLog(path: directory.metrics, resumingAfter: step)
        board = try TensorBoardWriter(directory: directory.tensorboard, resumingAfter: step)
        self.plan = plan
        self.progress = progress
        self.report = report
    }

    /// Whether the evaluation after the step that the run goes on from is on record.
    var endsWithEvaluation: Bool { log.endsWithEvaluation }

    /// Alarms that were on record when the run began or went on.
    var alarms: [RunAlarm] { log.alarms }

    func record(_ alarm: RunAlarm, step: Int) {
        keep { try log.append(AlarmLine(alarm: alarm), step: step) }
        tell(.alarm(alarm))
    }

    /// Records a step and shows it.
    ///
    /// - Parameter seconds: that the step took, waiting for its batch included.
    func record(_ record: some RunRecord, step: Int, seconds: Double) {
        timeLeft.add(stepSeconds: seconds)
        if step % plan.logEvery == 0 || step == 1 || step == plan.steps {
            keep { try log.append(record, step: step) }
            keep { try board.append(step: step, scalars: record.scalars) }
        }
        progress.update(step: step) {
            let place = "step \(CountFormat.grouped(step))/\(CountFormat.grouped(plan.steps))"
            let left = timeLeft.seconds(forSteps: plan.steps - step).map { "\(DurationFormat.text($0)) left" }
            return [place] + record.progressFields + (left.map { [$0] } ?? [])
        }
    }

    func record(_ evaluation: Evaluation) {
        keep { try log.append(EvaluationLine(evaluation: evaluation.logged), step: evaluation.step) }
        keep { try board.append(step: evaluation.step, scalars: evaluation.scalars) }
        tell(.evaluation(evaluation))
    }

    func tell(_ event: RunEvent<Evaluation>) { progress.interrupt { report(event) } }

    func finish() { progress.finish() }

    private func keep(_ body: () throws -> Void) {
        do { try body() } catch { tell(.warning("\(error)")) }
    }
}

/// An alarm as a line of `metrics.jsonl`.
struct AlarmLine: Codable {
    var alarm: RunAlarm
}

/// An evaluation as a line of `metrics.jsonl`, told from step records by its key.
private struct EvaluationLine<Evaluation: Encodable>: Encodable {
    var evaluation: Evaluation
}
