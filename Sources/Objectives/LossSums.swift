/// What a step or an evaluation adds up over chunks; means and rates come from it.
public struct LossSums: Sendable, Equatable, Codable {
    /// Sum of −log p over chosen positions, in nats.
    public var generatorLoss = 0.0
    public var maskedCount = 0
    /// Chosen positions where the most probable token is the original.
    public var generatorCorrect = 0
    /// Chosen positions where the sampled token is the original.
    public var sampledCorrect = 0
    /// Sum of binary cross-entropy over the tokens that the detection loss is taken over, in nats.
    public var discriminatorLoss = 0.0
    public var detectedCount = 0
    public var tokenCount = 0
    public var truePositives = 0
    public var falsePositives = 0
    public var trueNegatives = 0
    public var falseNegatives = 0
    /// Sum of −log p over the tokens that the main encoder predicts, in nats.
    public var correctiveLoss = 0.0
    public var correctiveCount = 0
    /// Those where its most probable token is the original.
    public var correctiveCorrect = 0
    /// Sum of the contrastive loss over segments, in nats.
    public var contrastiveLoss = 0.0
    public var contrastiveCount = 0
    /// Views, two a segment, that are nearest to their partners.
    public var contrastiveCorrect = 0

    public init() {}

    /// One after the other.
    public static func total(_ all: [LossSums]) -> LossSums { all.reduce(into: LossSums()) { $0 += $1 } }

    public static func += (sums: inout LossSums, other: LossSums) {
        sums.generatorLoss += other.generatorLoss
        sums.maskedCount += other.maskedCount
        sums.generatorCorrect += other.generatorCorrect
        sums.sampledCorrect += other.sampledCorrect
        sums.discriminatorLoss += other.discriminatorLoss
        sums.detectedCount += other.detectedCount
        sums.tokenCount += other.tokenCount
        sums.truePositives += other.truePositives
        sums.falsePositives += other.falsePositives
        sums.trueNegatives += other.trueNegatives
        sums.falseNegatives += other.falseNegatives
        sums.correctiveLoss += other.correctiveLoss
        sums.correctiveCount += other.correctiveCount
        sums.correctiveCorrect += other.correctiveCorrect
        sums.contrastiveLoss += other.contrastiveLoss
        sums.contrastiveCount += other.contrastiveCount
        sums.contrastiveCorrect += other.contrastiveCorrect
    }

    mutating func count(logit: Float, isReplaced: Bool) {
        detectedCount += 1
        switch (logit > 0, isReplaced) {
        case (true, true): truePositives += 1
        case (true, false): falsePositives += 1
        case (false, false): trueNegatives += 1
        case (false, true): falseNegatives += 1
        }
    }

    /// The name of a loss that is not finite; nil where all are.
    public var nonFinite: String? {
        let losses = [
            ("generator loss", generatorLoss), ("discriminator loss", discriminatorLoss),
            ("loss of predicting tokens", correctiveLoss), ("contrastive loss", contrastiveLoss),
        ]
        return losses.first { !$0.1.isFinite }?.0
    }

    public var replacedCount: Int { truePositives + falseNegatives }

    public var meanGeneratorLoss: Double { ratio(generatorLoss, maskedCount) }
    public var meanDiscriminatorLoss: Double { ratio(discriminatorLoss, detectedCount) }
    public var meanCorrectiveLoss: Double { ratio(correctiveLoss, correctiveCount) }
    public var meanContrastiveLoss: Double { ratio(contrastiveLoss, contrastiveCount) }
    public var generatorAccuracy: Double { ratio(Double(generatorCorrect), maskedCount) }
    public var sampledAccuracy: Double { ratio(Double(sampledCorrect), maskedCount) }
    /// Share of all tokens that were replaced by others.
    public var replacedFraction: Double { ratio(Double(replacedCount), tokenCount) }
    public var discriminatorAccuracy: Double { ratio(Double(truePositives + trueNegatives), detectedCount) }
    /// Share of the tokens called replaced that are; 0 when none is called so.
    public var precision: Double { ratio(Double(truePositives), truePositives + falsePositives) }
    /// Share of the replaced tokens that are called so; 0 when there are none.
    public var recall: Double { ratio(Double(truePositives), replacedCount) }
    public var correctiveAccuracy: Double { ratio(Double(correctiveCorrect), correctiveCount) }
    public var contrastiveAccuracy: Double { ratio(Double(contrastiveCorrect), 2 * contrastiveCount) }

    private func ratio(_ value: Double, _ count: Int) -> Double { count > 0 ? value / Double(count) : 0 }
}
