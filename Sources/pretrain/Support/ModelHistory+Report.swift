import Files
import Formatting
import Foundation
import Interchange
import Reports

extension ModelHistory {
    /// Adds what a report on the run says beside: scores of what lies in its folder, what it cost, alarms. Where the checkpoint
    /// stands outside of a run there is no such report, and nothing is added. Records that cannot be read are said to be
    /// unreadable, in the card and here.
    ///
    /// - Parameters:
    ///   - checkpoint: path of the checkpoint.
    ///   - step: its step.
    /// - Returns: why the records could not be read, where they could not.
    mutating func addReport(ofCheckpoint checkpoint: String, step: Int) -> String? {
        let folder = (checkpoint as NSString).deletingLastPathComponent
        guard (folder as NSString).lastPathComponent == "checkpoints" else { return nil }
        let run = (folder as NSString).deletingLastPathComponent
        var options = RunReader.Options()
        options.readsWeights = false
        let report: ReportFacts
        do {
            report = try ReportReader(runs: [run], names: ["run"], results: [], options: options).facts()
        } catch ReportError.notARun {
            return nil
        } catch {
            alarms.append(
                "The run's records could not be read at the export: scores, cost and alarms are missing here.")
            return "the card lacks scores, cost and alarms, for the run's records cannot be read: \(error)"
        }
        guard let facts = report.runs.first else { return nil }
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
        return nil
    }
}
