import Formatting
import Foundation
import Runs

/// Writes a run's records: `metrics.jsonl`, TensorBoard events and the progress line.
///
/// A record that cannot be kept never stops training: it is reported once.
final class RunRecorder {
    private let log: MetricsLog
    private let board: TensorBoardWriter
    private let progress: ProgressLine
    private let totalSteps: Int
    private let logEvery: Int
    private let report: (RunEvent) -> Void
    private var timeLeft = TimeLeft()

    /// - Parameter step: of the checkpoint that the run goes on from; nil for a new run.
    init(
        _ directory: RunDirectory, resumingAfter step: Int?, configuration: TrainingConfiguration,
        progress: ProgressLine, report: @escaping (RunEvent) -> Void
    ) throws {
        log = try MetricsLog(path: directory.metrics, resumingAfter: step)
        board = try TensorBoardWriter(directory: directory.tensorboard, resumingAfter: step)
        self.progress = progress
        self.report = report
        totalSteps = configuration.steps
        logEvery = configuration.logEvery
    }

    /// Whether the evaluation after the step that the run goes on from is on record.
    var endsWithEvaluation: Bool { log.endsWithEvaluation }

    /// Records a step and shows it.
    ///
    /// - Parameter seconds: that the step took, waiting for its batch included.
    func record(_ record: @autoclosure () -> StepRecord, step: Int, seconds: Double) {
        timeLeft.add(stepSeconds: seconds)
        let record = record()
        if step % logEvery == 0 || step == 1 || step == totalSteps {
            keep { try log.append(record, step: step) }
            keep { try board.append(step: step, scalars: record.scalars) }
        }
        progress.update(step: step) {
            var fields = [
                "step \(CountFormat.grouped(step))/\(CountFormat.grouped(totalSteps))",
                record.lossText,
                "\(CountFormat.grouped(Int(record.tokensPerSecond))) tokens/s",
                String(format: "%.0f %% of peak", 100 * record.utilisation),
            ]
            if let left = timeLeft.seconds(forSteps: totalSteps - step) {
                fields.append("\(DurationFormat.text(left)) left")
            }
            return fields
        }
    }

    func record(_ evaluation: EvaluationReport) {
        keep { try log.append(EvaluationLine(evaluation), step: evaluation.step) }
        keep { try board.append(step: evaluation.step, scalars: evaluation.scalars) }
        progress.interrupt { report(.evaluation(evaluation)) }
    }

    func tell(_ event: RunEvent) { progress.interrupt { report(event) } }

    func finish() { progress.finish() }

    private func keep(_ body: () throws -> Void) {
        do { try body() } catch { tell(.warning("\(error)")) }
    }
}

/// An evaluation as a line of `metrics.jsonl`, told from step records by its key.
private struct EvaluationLine: Encodable {
    var evaluation: EvaluationReport

    init(_ report: EvaluationReport) {
        evaluation = report
        // They are for people, and long.
        evaluation.samples = nil
    }
}
