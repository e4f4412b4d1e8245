import Formatting
import Foundation
import Pretraining

/// What a comparison came to.
public struct ComparisonReport: Codable, Equatable, Sendable {
    /// Figures of one model on text that no run has trained on and that the judge has masked and replaced for all.
    public struct Figures: Codable, Equatable, Sendable {
        public var seed: Int
        public var generatorLoss: Double?
        public var correctiveLoss: Double?
        public var discriminatorLoss: Double?
        public var discriminatorAuc: Double?
        /// Not finite on the way: it has no figures.
        public var divergedAt: Int?

        package init(
            seed: Int, generatorLoss: Double? = nil, correctiveLoss: Double? = nil, discriminatorLoss: Double? = nil,
            discriminatorAuc: Double? = nil, divergedAt: Int? = nil
        ) {
            self.seed = seed
            self.generatorLoss = generatorLoss
            self.correctiveLoss = correctiveLoss
            self.discriminatorLoss = discriminatorLoss
            self.discriminatorAuc = discriminatorAuc
            self.divergedAt = divergedAt
        }
    }

    public struct Arm: Codable, Equatable, Sendable {
        public var name: String
        public var settings: [String]
        public var steps: Int
        public var tokens: Int
        public var learningRate: Double
        public var trials: [RateTrial]
        public var seeds: [Figures]

        package init(
            name: String, settings: [String], steps: Int, tokens: Int, learningRate: Double, trials: [RateTrial],
            seeds: [Figures]
        ) {
            self.name = name
            self.settings = settings
            self.steps = steps
            self.tokens = tokens
            self.learningRate = learningRate
            self.trials = trials
            self.seeds = seeds
        }

        public subscript(metric: Metric) -> SeedSpread? { SeedSpread(seeds.compactMap { $0[keyPath: metric.path] }) }
    }

    /// What is compared, in the order of tables.
    public enum Metric: String, CaseIterable, Sendable {
        case generatorLoss = "generator loss"
        case correctiveLoss = "corrective loss"
        case discriminatorLoss = "detection loss"
        case discriminatorAuc = "detection AUC"

        var path: KeyPath<Figures, Double?> & Sendable {
            switch self {
            case .generatorLoss: \.generatorLoss
            case .correctiveLoss: \.correctiveLoss
            case .discriminatorLoss: \.discriminatorLoss
            case .discriminatorAuc: \.discriminatorAuc
            }
        }
    }

    /// What masked text for all.
    public var judge: String?
    /// Whether it replaced tokens too; nil in files of earlier versions.
    public var replaces: Bool?
    /// Whether it is none of the models below; nil in files of earlier versions, where it was one of them.
    public var isJudgeApart: Bool?
    /// Whether models were judged on `corpus.test`, by which nothing was chosen, rather than on `corpus.held_out`; nil in files of
    /// earlier versions, which never did.
    public var isOnTestText: Bool?
    public var arms: [Arm]

    package init(
        judge: String?, replaces: Bool? = nil, isJudgeApart: Bool? = nil, isOnTestText: Bool? = nil, arms: [Arm]
    ) {
        self.judge = judge
        self.replaces = replaces
        self.isJudgeApart = isJudgeApart
        self.isOnTestText = isOnTestText
        self.arms = arms
    }

    /// Metrics that some arm has.
    public var metrics: [Metric] { Metric.allCases.filter { metric in arms.contains { $0[metric] != nil } } }

    /// The header and rows of the table: means with deviations, a star where an arm differs from the first beyond them.
    public var table: (header: [String], rows: [[String]]) {
        let header = ["arm", "steps", "tokens", "learning rate"] + metrics.map(\.rawValue)
        let rows = arms.enumerated().map { index, arm in
            [
                arm.name, CountFormat.grouped(arm.steps), CountFormat.grouped(arm.tokens),
                RateTrial.number(arm.learningRate),
            ]
                + metrics.map { metric in
                    let diverged = arm.seeds.count { $0.divergedAt != nil }
                    guard let spread = arm[metric] else {
                        return diverged > 0 && diverged == arm.seeds.count ? "diverged (\(diverged))" : "–"
                    }
                    var cell = spread.text
                    if index > 0, let first = arms[0][metric], spread.differs(from: first) == true { cell += " *" }
                    return diverged > 0 ? cell + " (\(diverged) diverged)" : cell
                }
        }
        return (header, rows)
    }

    /// What the table's marks mean, and what it does not say.
    public var explanation: String {
        [chance, choice, tasks].compactMap(\.self).joined(separator: " ")
    }

    /// What learning rates were chosen by.
    private var choice: String? {
        guard arms.contains(where: { !$0.trials.isEmpty }) else { return nil }
        let choice =
            isOnTestText == true
            ? "Learning rates were chosen on other text (corpus.held_out)."
            : "Learning rates were chosen on the same text; corpus.test keeps some apart for the figures."
        let edges = arms.filter { Comparison.beyond($0.trials) != nil }.map(\.name)
        return edges.isEmpty
            ? choice
            : choice + " The best stands at the edge of those that were tried, and others may be better: "
                + edges.joined(separator: ", ") + "."
    }

    /// What the main encoders predict is not the same with every objective.
    private var tasks: String? {
        let changes = arms.contains { $0.settings.contains { $0.hasPrefix("objective.") } }
        return changes && metrics.contains(.correctiveLoss)
            ? "Corrective losses compare where arms have one objective: others read replaced text in place of masked text, or predict "
                + "all tokens."
            : nil
    }

    private var chance: String {
        let seeds = arms.map(\.seeds.count).max() ?? 0
        let kind = isOnTestText == true ? "test" : "held-out"
        let text =
            judge.map { judge in
                replaces == false
                    ? "On \(kind) text that \(judge) has masked for all."
                    : "On \(kind) text that \(judge) has masked and replaced for all"
                        + (isJudgeApart == true
                            ? "." : "; that run is judged on replacements of its own, which flatters its detector.")
            } ?? "On \(kind) text."
        if seeds < 2 { return text + " One seed tells nothing about chance: use --seeds." }
        return text
            + " ±: deviation over \(seeds) seeds; *: differs from \(arms[0].name) by more than two standard errors"
            + (seeds < 3 ? ", which two seeds hardly tell." : ".")
    }

    public var markdown: String {
        let (header, rows) = table
        var lines = [MarkdownTable.text(header: header, rows: rows), "", explanation]
        if arms.contains(where: { !$0.trials.isEmpty }) {
            lines += [
                "",
                "Learning rates, by the main encoder's loss (weighted, where it detects and corrects) in shorter trials:",
                "",
            ]
            for arm in arms {
                lines.append("- \(arm.name): \(RateTrial.text(arm.trials))")
            }
        }
        lines += [
            "", "![curves](curves.svg)", "",
            "Curves are of seed 0, each on text that its own run has masked and replaced: they show how runs went, and do not compare "
                + "detection.", "",
        ]
        return lines.joined(separator: "\n")
    }
}
