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
    /// - Returns: what could not be read, and why.
    mutating func addReport(ofCheckpoint checkpoint: String, step: Int) -> [String] {
        let folder = (checkpoint as NSString).deletingLastPathComponent
        guard (folder as NSString).lastPathComponent == "checkpoints" else { return [] }
        let run = (folder as NSString).deletingLastPathComponent
        var options = RunReader.Options()
        options.readsWeights = false
        let report: ReportFacts
        do {
            report = try ReportReader(runs: [run], names: ["run"], results: [], options: options).facts()
        } catch ReportError.notARun {
            return []
        } catch {
            missing = ["Scores, cost and alarms: the run's records could not be read at the export."]
            return ["Scores, cost and alarms: \(error)"]
        }
        guard let facts = report.runs.first else { return [] }
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
        // Whoever reads the card has nothing of the machine's folders, and files may have names that are nobody's business.
        alarms = facts.alarms.filter { $0.source != .records }.map(\.text)
        let others = facts.alarms.count - alarms.count
        if others > 0 {
            let things = others == 1 ? "one more warning" : "\(others) more warnings"
            alarms.append("\(things) of text, machine, disk or ends, which the run's own report tells")
        }
        // The weights are here; what they are like is not asked for.
        let unknown = facts.missing.filter { !$0.hasPrefix("Nearest neighbours") }
        missing = unknown.map { $0.replacing(run + "/", with: "") }
        return unknown
    }
}
