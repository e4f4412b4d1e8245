import Objectives

/// What an evaluation on held-out text found. Losses are in nats.
public struct EvaluationReport: Encodable, Sendable, Equatable {
    public var step: Int
    public var tokens: Int
    /// Mean −log p of the original at masked positions.
    public var generatorLoss: Double
    /// Share of masked positions where the most probable token is the original.
    public var generatorAccuracy: Double
    /// The same for a token drawn from the generator.
    public var generatorSampledAccuracy: Double
    /// Entropy of the held-out tokens under their own unigram distribution.
    public var unigramEntropy: Double
    /// Share of all tokens that were replaced by others.
    public var replacedFraction: Double
    public var discriminatorLoss: Double
    public var discriminatorAccuracy: Double
    public var discriminatorPrecision: Double
    public var discriminatorRecall: Double
    /// Nil where no token, or every token, was replaced.
    public var discriminatorAuc: Double?
    /// Whether the discriminator calls (nearly) every token original, which is right most of the time and useless.
    public var majorityClass: Bool
    /// A few segments with their replacements; nil where they are not wanted.
    public var samples: [EvaluationSample]?

    init(
        step: Int, sums: LossSums, unigramEntropy: Double, areaUnderCurve: Double?, samples: [EvaluationSample]
    ) {
        self.step = step
        tokens = sums.tokenCount
        generatorLoss = sums.meanGeneratorLoss
        generatorAccuracy = sums.generatorAccuracy
        generatorSampledAccuracy = sums.sampledAccuracy
        self.unigramEntropy = unigramEntropy
        replacedFraction = sums.replacedFraction
        discriminatorLoss = sums.meanDiscriminatorLoss
        discriminatorAccuracy = sums.discriminatorAccuracy
        discriminatorPrecision = sums.precision
        discriminatorRecall = sums.recall
        discriminatorAuc = areaUnderCurve
        majorityClass = sums.recall < 0.01
        self.samples = samples
    }
}

/// A held-out segment as the discriminator saw it.
public struct EvaluationSample: Encodable, Sendable, Equatable {
    public struct Token: Encodable, Sendable, Equatable {
        /// The token as the discriminator saw it.
        public var text: String
        /// The original, where it was replaced.
        public var original: String?
        /// The discriminator's probability that it was replaced.
        public var probability: Double
    }

    public var tokens: [Token]
}
