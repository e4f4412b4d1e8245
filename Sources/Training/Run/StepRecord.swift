/// One line of `metrics.jsonl`.
public struct StepRecord: Encodable, Sendable {
    /// Tokens seen since the run began.
    public var tokens: Int
    public var loss: Double
    public var generatorLoss: Double
    public var discriminatorLoss: Double
    public var generatorAccuracy: Double
    public var replacedFraction: Double
    public var learningRate: Double
    /// Before clipping.
    public var gradientNorm: Double
    public var tokensPerSecond: Double
    /// Share of the machine's measured GEMM peak.
    public var utilisation: Double
    /// Times that the corpus has been begun, of the first source.
    public var epoch: Int

    var scalars: [(tag: String, value: Double)] {
        [
            ("train/loss", loss), ("train/generator_loss", generatorLoss),
            ("train/discriminator_loss", discriminatorLoss), ("train/generator_accuracy", generatorAccuracy),
            ("train/replaced_fraction", replacedFraction), ("train/learning_rate", learningRate),
            ("train/gradient_norm", gradientNorm), ("speed/tokens_per_second", tokensPerSecond),
            ("speed/utilisation", utilisation),
        ]
    }
}

extension EvaluationReport {
    var scalars: [(tag: String, value: Double)] {
        [
            ("evaluation/generator_loss", generatorLoss), ("evaluation/generator_accuracy", generatorAccuracy),
            ("evaluation/replaced_fraction", replacedFraction),
            ("evaluation/discriminator_loss", discriminatorLoss),
            ("evaluation/discriminator_accuracy", discriminatorAccuracy),
            ("evaluation/discriminator_precision", discriminatorPrecision),
            ("evaluation/discriminator_recall", discriminatorRecall),
        ] + (discriminatorAuc.map { [("evaluation/discriminator_auc", $0)] } ?? [])
    }
}
