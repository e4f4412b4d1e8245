import Foundation
import Runs

extension AlarmFacts {
    /// What the run said, each thing once, and what its figures tell.
    static func alarms(
        _ entries: [JournalEntry], reader: MetricsReader, sessions: [SessionFacts], isRunning: Bool,
        checkpoints: [CheckpointFacts]
    ) -> [AlarmFacts] {
        var alarms =
            reader.alarms.map { AlarmFacts(source: .run, text: $0.alarm.message, step: $0.step, count: 1) }
            + said(entries)
        func found(_ text: String, step: Int? = nil, count: Int = 1, in source: Source = .report) {
            alarms.append(AlarmFacts(source: source, text: text, step: step, count: count))
        }
        let lost = sessions.dropLast(isRunning ? 1 : 0).filter { $0.ended == nil }
        if let last = lost.last {
            found(
                "the run broke off without a word: a crash, a kill or a machine that went down", step: last.toStep,
                count: lost.count, in: .records)
        }
        for failed in sessions where failed.outcome == JournalEntry.Outcome.failed.rawValue {
            found("the run failed: \(failed.message ?? "")", step: failed.toStep, in: .records)
        }
        if reader.nonFiniteLines > 0 {
            found("losses that are no number are in the log", count: reader.nonFiniteLines)
        }
        for (name, title) in [
            ("corrective_loss", "prediction"), ("generator_loss", "generator"), ("discriminator_loss", "discriminator"),
        ] {
            guard let rise = rise(reader.evaluations, name) else { continue }
            found(
                String(
                    format: "the held-out %@ loss is %.3f, %.1f %% above its lowest, %.3f at step %d", title, rise.now,
                    100 * (rise.now / rise.best - 1), rise.best, rise.step), step: reader.evaluations.steps.last)
        }
        let recall = reader.evaluations.last("discriminator_recall")
        if let recall, recall < 0.01, reader.evaluations.last("discriminator_loss") != nil {
            found(
                "the discriminator calls nearly every token original: usual early on; if it lasts, the generator is too strong",
                step: reader.evaluations.steps.last)
        }
        for spike in spikes(reader.training) {
            found(
                String(format: "the training loss jumped from about %.2f to %.2f", spike.before, spike.value),
                step: spike.step)
        }
        for checkpoint in checkpoints {
            if let problem = checkpoint.problem {
                found("a checkpoint is damaged: \(problem)", step: checkpoint.step, in: .records)
            }
        }
        return alarms
    }

    private static func said(_ entries: [JournalEntry]) -> [AlarmFacts] {
        entries.filter { $0.event == .warning }.reduce(into: []) { alarms, entry in
            let text = entry.message ?? ""
            if let index = alarms.firstIndex(where: { $0.text == text }) {
                alarms[index].count += 1
                alarms[index].step = entry.step
            } else {
                alarms.append(AlarmFacts(source: .records, text: text, step: entry.step, count: 1))
            }
        }
    }

    /// The last value, where it is more than two percent above the lowest.
    private static func rise(_ table: MetricsTable, _ name: String) -> (now: Double, best: Double, step: Int)? {
        guard let values = table.values[name], let now = values.last, now.isFinite,
            let best = values.indices.filter({ values[$0].isFinite }).min(by: { values[$0] < values[$1] }),
            values[best] > 0, now > 1.02 * values[best]
        else { return nil }
        return (now, values[best], table.steps[best])
    }

    /// Where the loss of five lines, by their median, is above the median of the 21 before by more than eight times their median
    /// deviation and a tenth: a single high one may be a batch of hard text. At most the three highest; early steps fall fast and
    /// are left out.
    private static func spikes(_ table: MetricsTable) -> [(step: Int, before: Double, value: Double)] {
        guard let losses = table.values["loss"], losses.count > 40 else { return [] }
        func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
        var found: [(step: Int, before: Double, value: Double)] = []
        var index = 21
        while index < losses.count {
            let window = losses[(index - 21)..<index].filter(\.isFinite)
            let after = losses[index..<min(index + 5, losses.count)].filter(\.isFinite)
            if window.count > 10, after.count > 2 {
                let middle = median(window)
                let deviation = median(window.map { abs($0 - middle) })
                let value = median(after)
                if value - middle > max(8 * deviation, 0.1 * abs(middle)) {
                    found.append((table.steps[index], middle, value))
                    index += 20
                }
            }
            index += 1
        }
        return Array(found.sorted { $0.value - $0.before > $1.value - $1.before }.prefix(3)).sorted {
            $0.step < $1.step
        }
    }
}
