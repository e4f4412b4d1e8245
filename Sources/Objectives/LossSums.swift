/// What a step or an evaluation adds up over chunks; means and rates come from it.
public struct LossSums: Sendable, Equatable, Codable {
    /// Sum of −log p over chosen positions, in nats.
    public var generatorLoss = 0.0
    public var maskedCount = 0
    /// Chosen positions where the most probable token is the original.
    public var generatorCorrect = 0
    /// Chosen positions where the sampled token is the original.
    public var sampledCorrect = 0
    /// Sum of binary cross-entropy over all tokens, in nats.
    public var discriminatorLoss = 0.0
    public var tokenCount = 0
    public var truePositives = 0
    public var falsePositives = 0
    public var trueNegatives = 0
    public var falseNegatives = 0

    public init() {}

    public static func += (sums: inout LossSums, other: LossSums) {
        sums.generatorLoss += other.generatorLoss
        sums.maskedCount += other.maskedCount
        sums.generatorCorrect += other.generatorCorrect
        sums.sampledCorrect += other.sampledCorrect
        sums.discriminatorLoss += other.discriminatorLoss
        sums.tokenCount += other.tokenCount
        sums.truePositives += other.truePositives
        sums.falsePositives += other.falsePositives
        sums.trueNegatives += other.trueNegatives
        sums.falseNegatives += other.falseNegatives
    }

    mutating func count(logit: Float, isReplaced: Bool) {
        switch (logit > 0, isReplaced) {
        case (true, true): truePositives += 1
        case (true, false): falsePositives += 1
        case (false, false): trueNegatives += 1
        case (false, true): falseNegatives += 1
        }
    }

    public var replacedCount: Int { truePositives + falseNegatives }

    public var meanGeneratorLoss: Double { ratio(generatorLoss, maskedCount) }
    public var meanDiscriminatorLoss: Double { ratio(discriminatorLoss, tokenCount) }
    public var generatorAccuracy: Double { ratio(Double(generatorCorrect), maskedCount) }
    public var sampledAccuracy: Double { ratio(Double(sampledCorrect), maskedCount) }
    /// Share of all tokens that the generator replaced by others.
    public var replacedFraction: Double { ratio(Double(replacedCount), tokenCount) }
    public var discriminatorAccuracy: Double { ratio(Double(truePositives + trueNegatives), tokenCount) }
    /// Share of the tokens called replaced that are; 0 when none is called so.
    public var precision: Double { ratio(Double(truePositives), truePositives + falsePositives) }
    /// Share of the replaced tokens that are called so; 0 when there are none.
    public var recall: Double { ratio(Double(truePositives), replacedCount) }

    private func ratio(_ value: Double, _ count: Int) -> Double { count > 0 ? value / Double(count) : 0 }
}
