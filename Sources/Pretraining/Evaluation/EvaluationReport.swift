import Corpus
import Objectives

/// What an evaluation on held-out text found. Losses are in nats; what the objective does not have is nil.
public struct EvaluationReport: Encodable, Sendable, Equatable {
    public var step: Int
    public var tokens: Int
    /// Mean −log p of the original at masked positions.
    public var generatorLoss: Double?
    /// Share of masked positions where the most probable token is the original.
    public var generatorAccuracy: Double?
    /// The same for a token drawn from the generator.
    public var generatorSampledAccuracy: Double?
    /// Entropy of the held-out tokens under their own unigram distribution.
    public var unigramEntropy: Double
    /// Loss on masked tokens of a model that knows these frequencies and sees those that masking leaves as they are; nil where
    /// no masked tokens are predicted.
    public var unigramLoss: Double?
    /// Share of all tokens that were replaced by others.
    public var replacedFraction: Double?
    public var discriminatorLoss: Double?
    public var discriminatorAccuracy: Double?
    public var discriminatorPrecision: Double?
    public var discriminatorRecall: Double?
    /// Nil where no token, or every token, was replaced.
    public var discriminatorAuc: Double?
    /// Mean −log p of the original by the main encoder: at masked positions of replaced text (metro, coco_lm, replace_mlm) or
    /// of masked text (masked_language_model), or over all tokens where the objective predicts them all.
    public var correctiveLoss: Double?
    /// Share of these tokens where the most probable one is the original.
    public var correctiveAccuracy: Double?
    /// Of a segment against its crop and the other segments of its chunk.
    public var contrastiveLoss: Double?
    public var contrastiveAccuracy: Double?
    /// The losses of each source's text, where there are several.
    public var sources: [SourceEvaluation]?
    /// The checkpoint whose generator replaced tokens; nil for the model's own.
    public var corruptionFrom: String?
    /// Whether the discriminator calls (nearly) every token original, which is right most of the time and useless.
    public var majorityClass: Bool
    /// A few segments with their replacements; nil where they are not wanted.
    public var samples: [EvaluationSample]?
    /// What was skipped or replaced of the text; nil within a run, which tells it of all its text at the end.
    public var skipped: [CorpusReport.Entry]?

    package init(
        step: Int, sums: LossSums, unigramEntropy: Double, areaUnderCurve: Double?, samples: [EvaluationSample]
    ) {
        self.step = step
        tokens = sums.tokenCount
        self.unigramEntropy = unigramEntropy
        if sums.maskedCount > 0 {
            generatorLoss = sums.meanGeneratorLoss
            generatorAccuracy = sums.generatorAccuracy
            generatorSampledAccuracy = sums.sampledAccuracy
        }
        if sums.detectedCount > 0 {
            replacedFraction = sums.replacedFraction
            discriminatorLoss = sums.meanDiscriminatorLoss
            discriminatorAccuracy = sums.discriminatorAccuracy
            discriminatorPrecision = sums.precision
            discriminatorRecall = sums.recall
        }
        discriminatorAuc = areaUnderCurve
        if sums.correctiveCount > 0 {
            correctiveLoss = sums.meanCorrectiveLoss
            correctiveAccuracy = sums.correctiveAccuracy
        }
        if sums.contrastiveCount > 0 {
            contrastiveLoss = sums.meanContrastiveLoss
            contrastiveAccuracy = sums.contrastiveAccuracy
        }
        majorityClass = sums.detectedCount > 0 && sums.recall < 0.01
        self.samples = samples
    }
}

/// Losses on the held-out text of one source.
public struct SourceEvaluation: Encodable, Sendable, Equatable {
    public var path: String
    public var tokens: Int
    public var generatorLoss: Double?
    public var discriminatorLoss: Double?
    public var correctiveLoss: Double?

    init(path: String, _ sums: LossSums) {
        self.path = path
        tokens = sums.tokenCount
        if sums.maskedCount > 0 { generatorLoss = sums.meanGeneratorLoss }
        if sums.detectedCount > 0 { discriminatorLoss = sums.meanDiscriminatorLoss }
        if sums.correctiveCount > 0 { correctiveLoss = sums.meanCorrectiveLoss }
    }
}

/// A held-out segment as the discriminator saw it, or as a model that detects nothing filled its masks.
public struct EvaluationSample: Codable, Sendable, Equatable {
    public struct Token: Codable, Sendable, Equatable {
        /// The token as the discriminator saw it, or the best guess for one that was masked.
        public var text: String
        /// The original, where it is another.
        public var original: String?
        /// The discriminator's probability that it was replaced; nil where nothing is detected.
        public var probability: Double?
        /// Of a token that was masked and nothing else: the probability that the model gives the original.
        public var likelihood: Double?

        /// How strongly the token is to be shown, from 0 to 1: believed replaced, or not expected.
        public var emphasis: Double { probability ?? likelihood.map { 1 - $0 } ?? 0 }
    }

    public var tokens: [Token]
}
