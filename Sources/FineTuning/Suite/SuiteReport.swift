import Formatting
import Foundation
import Plots
import Pretraining

/// What models came to on tasks.
public struct SuiteReport: Codable, Equatable, Sendable {
    /// Shares of minimal pairs that a model gets right, without training; of random weights over several draws.
    public struct PairScores: Codable, Equatable, Sendable {
        public var language: SeedSpread?
        public var detection: SeedSpread?
        public var correction: SeedSpread?

        public init(language: SeedSpread? = nil, detection: SeedSpread? = nil, correction: SeedSpread? = nil) {
            self.language = language
            self.detection = detection
            self.correction = correction
        }
    }

    /// How a model stands against random weights of its shape, of which it differs by more than two standard errors.
    public enum Verdict: String, Codable, Sendable {
        case better
        case worse
        /// It does not differ by so much.
        case alike

        /// Behind a score in the table.
        var mark: String {
            switch self {
            case .better: " *"
            case .worse: " ↓"
            case .alike: ""
            }
        }
    }

    public struct Start: Codable, Equatable, Sendable {
        public var start: SuiteStart
        public var minimalPairs: PairScores?

        public init(start: SuiteStart, minimalPairs: PairScores? = nil) {
            self.start = start
            self.minimalPairs = minimalPairs
        }
    }

    /// One model on one task.
    public struct Cell: Codable, Equatable, Sendable {
        public var task: String
        public var start: String
        public var metric: String
        /// Whether the scores are of texts by which nothing was chosen.
        public var isTest: Bool
        /// Nil where all diverged.
        public var learningRate: Double?
        /// On the validation texts, of the first seed.
        public var trials: [RateTrial]
        /// Whether the rate is the lowest or the highest of several, beyond which others may be better; nil in files of earlier
        /// versions.
        public fileprivate(set) var isRateAtEdge: Bool?
        /// What trials are scored by, where it is another than the test's; nil in files of earlier versions.
        public var trialMetric: String?
        /// Of every seed at this rate.
        public var scores: [Double]
        /// Seeds that have no score.
        public var diverged: Int
        /// Texts that were cut to the model's length, of all.
        public var truncated: Int
        public var texts: Int
        /// What of the training texts was not seen.
        public var lost: LostInputs?
        /// Nil for random weights, and where one seed tells nothing about chance.
        public fileprivate(set) var againstRandomWeights: Verdict?

        public init(
            task: String, start: String, metric: String, isTest: Bool, learningRate: Double?, trials: [RateTrial],
            scores: [Double], diverged: Int = 0, truncated: Int = 0, texts: Int = 0, lost: LostInputs? = nil,
            trialMetric: String? = nil
        ) {
            self.lost = lost
            self.trialMetric = trialMetric
            self.task = task
            self.start = start
            self.metric = metric
            self.isTest = isTest
            self.learningRate = learningRate
            self.trials = trials
            let rates = trials.map(\.learningRate).sorted()
            isRateAtEdge = rates.count > 1 && (learningRate == rates.first || learningRate == rates.last)
            self.scores = scores
            self.diverged = diverged
            self.truncated = truncated
            self.texts = texts
        }

        public var spread: SeedSpread? { SeedSpread(scores) }
    }

    public var starts: [Start]
    public var cells: [Cell]
    /// Where several models follow one.
    public private(set) var recipes: [Recipe]?

    public init(starts: [Start], cells: [Cell]) {
        self.starts = starts
        self.cells = cells
        for index in cells.indices { self.cells[index].againstRandomWeights = verdict(cells[index]) }
        let found = foundRecipes
        recipes = found.isEmpty ? nil : found
    }

    private func verdict(_ cell: Cell) -> Verdict? {
        let start = starts.first { $0.start.name == cell.start }
        guard let spread = cell.spread, let baseline = start?.start.baseline.flatMap({ self[cell.task, $0]?.spread }),
            let differs = spread.differs(from: baseline)
        else { return nil }
        return !differs ? .alike : spread.mean > baseline.mean ? .better : .worse
    }

    var tasks: [String] {
        cells.reduce(into: []) { names, cell in if !names.contains(cell.task) { names.append(cell.task) } }
    }

    subscript(task: String, start: String) -> Cell? {
        cells.first { $0.task == task && $0.start == start }
    }

    /// What minimal pairs are judged by, as far as any model has it.
    var judges: [(name: String, score: KeyPath<PairScores, SeedSpread?>)] {
        let all: [(name: String, score: KeyPath<PairScores, SeedSpread?>)] = [
            ("language model", \.language), ("detector", \.detection), ("corrector", \.correction),
        ]
        return all.filter { judge in starts.contains { $0.minimalPairs?[keyPath: judge.score] != nil } }
    }

    /// The header and rows of the table: means with deviations, a mark where a model differs from random weights beyond them.
    public var table: (header: [String], rows: [[String]]) {
        let tasks = tasks
        var header = ["model"]
        header += tasks.map { task in
            let cell = cells.first { $0.task == task }
            let metric = (cell?.metric ?? "").replacing("_", with: " ")
            return "\(task) (\(metric)\(cell?.isTest == true ? "" : ", validation"))"
        }
        if tasks.count > 1 { header.append("mean") }
        header += judges.map { "pairs, \($0.name)" }
        let rows = starts.map { start in
            var row = [start.start.name] + tasks.map { text($0, start.start) }
            if tasks.count > 1 {
                let means = tasks.compactMap { self[$0, start.start.name]?.spread?.mean }
                row.append(
                    means.count < tasks.count
                        ? "–" : String(format: "%.4f", means.reduce(0, +) / Double(means.count)))
            }
            row += judges.map { start.minimalPairs?[keyPath: $0.score]?.text ?? "–" }
            return row
        }
        return (header, rows)
    }

    private func text(_ task: String, _ start: SuiteStart) -> String {
        guard let cell = self[task, start.name], let spread = cell.spread else { return "diverged" }
        let text = spread.text + (cell.againstRandomWeights?.mark ?? "")
        return cell.diverged > 0 ? text + " (\(cell.diverged) diverged)" : text
    }

    /// What the table's marks mean, what was chosen and how, and what was cut.
    public var explanation: String {
        let seeds = cells.map(\.scores.count).max() ?? 0
        var text =
            "Fine-tuned models, of each the best epoch on the validation texts; where a task has texts for a test, scores are "
            + "of these."
        if cells.contains(where: { $0.trials.count > 1 }) {
            text += " Learning rates were chosen on the validation texts, with the first seed."
            let edges = together { cell in
                cell.isRateAtEdge == true && cell.scores.count > 0
                    ? cell.learningRate.map { [RateTrial.number($0)] } ?? [] : []
            }
            if !edges.isEmpty {
                text +=
                    " The best stands at the edge of those that were tried, and others may be better (--rates): "
                    + edges.joined(separator: "; ") + "."
            }
        }
        let isCompared = starts.contains { $0.start.baseline != nil }
        if seeds < 2 {
            text += " One seed tells nothing about chance: use --seeds."
        } else {
            text += " ±: deviation over \(seeds) seeds"
            if isCompared {
                text +=
                    "; *: better than random weights of the same shape by more than two standard errors; ↓: worse than these "
                    + "by as much" + (seeds < 3 ? ", which two seeds hardly tell" : "")
            }
            text += "."
        }
        if starts.contains(where: { $0.start.isFromScratch && $0.minimalPairs != nil }) {
            text +=
                " Of minimal pairs random weights get their share too, which need not be one half: sums over tokens favour short "
                + "sentences."
        }
        let cut = together { cell in
            cell.truncated == 0
                ? []
                : [
                    "\(CountFormat.grouped(cell.truncated)) of \(CountFormat.grouped(cell.texts)) texts were cut to the "
                        + "model's length"
                ]
        }
        let lost = together { $0.lost?.notes ?? [] }
        for note in cut + lost { text += " \(note)." }
        return text
    }

    /// What is true of cells, once for all models of a task of which it is: `sst2: …` of all, `sst2, a, b: …` of some.
    private func together(_ notes: (Cell) -> [String]) -> [String] {
        tasks.flatMap { task in
            let cells = cells.filter { $0.task == task }
            var found: [(note: String, starts: [String])] = []
            for cell in cells {
                for note in notes(cell) {
                    if let known = found.firstIndex(where: { $0.note == note }) {
                        found[known].starts.append(cell.start)
                    } else {
                        found.append((note, [cell.start]))
                    }
                }
            }
            return found.map { note, starts in
                let models = cells.count > 1 && starts.count == cells.count ? [] : starts
                return ([task] + models).joined(separator: ", ") + ": " + note
            }
        }
    }

    public var markdown: String {
        let (header, rows) = table
        var lines = [MarkdownTable.text(header: header, rows: rows), "", explanation, ""]
        if let (header, rows) = recipeTable {
            lines += [MarkdownTable.text(header: header, rows: rows), "", Self.recipeExplanation, ""]
        }
        lines += ["Learning rates:", ""]
        lines += cells.map { "- \($0.task), \($0.start): \(RateTrial.text($0.trials))" }
        lines += ["", "![scores by learning rate](rates.svg)", ""]
        return lines.joined(separator: "\n")
    }

    /// For each task, what every model scored at each rate; dashed from random weights.
    public var ratesFigure: Figure {
        Figure(
            tasks.map { task in
                let cell = cells.first { $0.task == task }
                let metric = (cell?.trialMetric ?? cell?.metric)?.replacing("_", with: " ") ?? ""
                return Chart(
                    title: task, subtitle: "on the validation texts, first seed",
                    x: Axis("peak learning rate", scale: .logarithmic), y: Axis(metric),
                    series: starts.map { start in
                        Series(
                            start.start.name,
                            points: (self[task, start.start.name]?.trials ?? []).compactMap { trial in
                                trial.score.map { Point(trial.learningRate, $0) }
                            }.sorted { $0.x < $1.x },
                            style: start.start.isFromScratch ? .markedDashed : .markedLine)
                    })
            })
    }
}
