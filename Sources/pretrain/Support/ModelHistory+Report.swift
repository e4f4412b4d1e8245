import Files
import Formatting
import Foundation
import Interchange
import Reports

extension ModelHistory {
    /// Adds what a report on the run says beside: scores of what lies in its folder, what it cost, alarms. Where the checkpoint
    /// stands outside of a run there is no such report, and nothing is added.
    ///
    /// - Parameters:
    ///   - checkpoint: path of the checkpoint.
    ///   - step: its step.
    mutating func addReport(ofCheckpoint checkpoint: String, step: Int) {
        let folder = (checkpoint as NSString).deletingLastPathComponent
        guard (folder as NSString).lastPathComponent == "checkpoints" else { return }
        let run = (folder as NSString).deletingLastPathComponent
        var options = RunReader.Options()
        options.readsWeights = false
        guard let report = try? ReportReader(runs: [run], names: ["run"], results: [], options: options).facts(),
            let facts = report.runs.first
        else { return }
        results = report.results.filter { $0.kind != .analysis }.map { result in
            ModelHistory.Table(
                title: "\(result.kind.title): \((result.path as NSString).lastPathComponent)", header: result.header,
                rows: result.rows, explanation: result.explanation)
        }
        if let origin = facts.sessions.last?.origin {
            cost.append(
                (
                    "processor",
                    origin.processor + (origin.threads.map { $0 == 1 ? ", one thread" : ", \($0) threads" } ?? "")
                ))
        }
        cost += facts.costRows
        if facts.progress.step != step {
            cost.append(("of steps", "\(facts.progress.step), of which this checkpoint has \(step)"))
        }
        alarms = facts.alarms.map(\.text)
    }
}
