import Engine
import Formatting
import Foundation
import Objectives
import Runs

/// One line of `metrics.jsonl`.
public struct StepRecord: RunRecord {
    /// Tokens seen since the run began.
    public var tokens: Int
    public var loss: Double
    public var generatorLoss: Double?
    public var discriminatorLoss: Double?
    public var correctiveLoss: Double?
    public var contrastiveLoss: Double?
    public var generatorAccuracy: Double?
    public var replacedFraction: Double?
    public var learningRate: Double
    /// Before clipping.
    public var gradientNorm: Double
    public var tokensPerSecond: Double
    /// Share of the machine's measured GEMM peak.
    public var utilisation: Double
    /// Complete passes over the first source.
    public var epoch: Int
    /// The same for every source, where there are several.
    public var epochs: [Int]?
    /// Seconds that each rank has computed and waited in the step, where there are several.
    public var ranks: [RankTiming]?

    package init(
        tokens: Int, loss: Double, losses: ObjectiveLosses, learningRate: Double, gradientNorm: Double,
        tokensPerSecond: Double, utilisation: Double, epochs: [Int]
    ) {
        self.tokens = tokens
        self.loss = loss
        generatorLoss = losses.generator
        discriminatorLoss = losses.discriminator
        correctiveLoss = losses.corrective
        contrastiveLoss = losses.contrastive
        generatorAccuracy = losses.generatorAccuracy
        replacedFraction = losses.replacedFraction
        self.learningRate = learningRate
        self.gradientNorm = gradientNorm
        self.tokensPerSecond = tokensPerSecond
        self.utilisation = utilisation
        epoch = epochs.first ?? 0
        self.epochs = epochs.count > 1 ? epochs : nil
    }

    public var scalars: [(tag: String, value: Double)] {
        let all: [(String, Double?)] = [
            ("train/loss", loss), ("train/generator_loss", generatorLoss),
            ("train/discriminator_loss", discriminatorLoss), ("train/corrective_loss", correctiveLoss),
            ("train/contrastive_loss", contrastiveLoss), ("train/generator_accuracy", generatorAccuracy),
            ("train/replaced_fraction", replacedFraction), ("train/learning_rate", learningRate),
            ("train/gradient_norm", gradientNorm), ("speed/tokens_per_second", tokensPerSecond),
            ("speed/utilisation", utilisation),
        ]
        return all.compactMap { tag, value in value.map { (tag, $0) } }
            + (ranks ?? []).enumerated().flatMap { rank, timing in
                [
                    ("ranks/computing_seconds/\(rank)", timing.computing),
                    ("ranks/waiting_seconds/\(rank)", timing.waiting),
                ]
            }
    }

    public var progressFields: [ProgressField] {
        let speed = CountFormat.grouped(Int(tokensPerSecond))
        let share = String(format: "%.0f %%", 100 * utilisation)
        return [
            ProgressField(lossText, String(format: "loss %.3f", loss)),
            ProgressField("\(speed) tokens/s", "\(speed) tok/s"), ProgressField("\(share) of peak", "\(share) peak"),
        ]
    }

    /// The losses that the objective has.
    private var lossText: String {
        let parts: [(String, Double?, String)] = [
            ("generator", generatorLoss, "%.3f"), ("discriminator", discriminatorLoss, "%.4f"),
            ("corrective", correctiveLoss, "%.3f"), ("contrastive", contrastiveLoss, "%.3f"),
        ]
        let shown = parts.compactMap { name, value, format in value.map { "\(name) \(String(format: format, $0))" } }
        return String(format: "loss %.3f (%@)", loss, shown.joined(separator: ", "))
    }
}

/// Losses and rates of training, nil where the objective has none.
package struct ObjectiveLosses {
    var generator: Double?
    var discriminator: Double?
    var corrective: Double?
    var contrastive: Double?
    var generatorAccuracy: Double?
    var replacedFraction: Double?

    package init(_ objective: ObjectiveConfiguration, _ sums: LossSums) {
        if objective.trainsGenerator {
            generator = sums.meanGeneratorLoss
            generatorAccuracy = sums.generatorAccuracy
        }
        if objective.name.detects {
            discriminator = sums.meanDiscriminatorLoss
            replacedFraction = sums.replacedFraction
        }
        if objective.name.prediction != .none { corrective = sums.meanCorrectiveLoss }
        if objective.contrast > 0 { contrastive = sums.meanContrastiveLoss }
    }
}

extension EvaluationReport: RunEvaluation {
    public var logged: EvaluationReport {
        var logged = self
        logged.samples = nil
        return logged
    }

    public var samplesRecord: (any Encodable & Sendable)? {
        guard let samples, !samples.isEmpty else { return nil }
        return SamplesRecord(samples: samples)
    }

    /// A replaced token, or a wrong guess, stands in bold with its original behind it, and one that the detector takes for replaced, or
    /// a right guess, in italics.
    public var texts: [(tag: String, text: String)] {
        (samples ?? []).enumerated().map { number, sample in
            let text = sample.tokens.map { token in
                let shown = Self.markdown(token.text)
                if let original = token.original { return "**[\(shown)←\(Self.markdown(original))]**" }
                return token.likelihood != nil || token.emphasis > 0.5 ? "*[\(shown)]*" : shown
            }.joined()
            return ("samples/\(number + 1)", text)
        }
    }

    private static func markdown(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            if "\\`*_{}[]()#+-!|<>&".contains(character) { result.append("\\") }
            result.append(character.isNewline ? "⏎" : character)
        }
    }

    public var scalars: [(tag: String, value: Double)] {
        let all: [(String, Double?)] = [
            ("evaluation/generator_loss", generatorLoss), ("evaluation/generator_accuracy", generatorAccuracy),
            ("evaluation/replaced_fraction", replacedFraction),
            ("evaluation/discriminator_loss", discriminatorLoss),
            ("evaluation/discriminator_accuracy", discriminatorAccuracy),
            ("evaluation/discriminator_precision", discriminatorPrecision),
            ("evaluation/discriminator_recall", discriminatorRecall),
            ("evaluation/discriminator_auc", discriminatorAuc), ("evaluation/corrective_loss", correctiveLoss),
            ("evaluation/corrective_accuracy", correctiveAccuracy),
            ("evaluation/contrastive_loss", contrastiveLoss),
            ("evaluation/contrastive_accuracy", contrastiveAccuracy),
        ]
        return all.compactMap { tag, value in value.map { (tag, $0) } }
    }
}

/// What a line of `samples.jsonl` has beside step and seconds.
public struct SamplesRecord: Codable, Sendable, Equatable {
    public var samples: [EvaluationSample]
}
