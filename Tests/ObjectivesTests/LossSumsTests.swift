import Objectives
import Testing

@Suite("Loss sums")
struct LossSumsTests {
    @Test("Means and rates")
    func metrics() {
        var sums = LossSums()
        sums.generatorLoss = 12
        sums.maskedCount = 8
        sums.generatorCorrect = 2
        sums.sampledCorrect = 1
        sums.discriminatorLoss = 5
        sums.tokenCount = 20
        sums.truePositives = 3
        sums.falsePositives = 1
        sums.falseNegatives = 4
        sums.trueNegatives = 12
        #expect(sums.meanGeneratorLoss == 1.5 && sums.meanDiscriminatorLoss == 0.25)
        #expect(sums.generatorAccuracy == 0.25 && sums.sampledAccuracy == 0.125)
        #expect(sums.replacedCount == 7 && sums.replacedFraction == 0.35)
        #expect(sums.discriminatorAccuracy == 0.75 && sums.precision == 0.75)
        #expect(sums.recall == 3.0 / 7)
    }

    @Test("Nothing counted is zero, not a division by it")
    func empty() {
        let sums = LossSums()
        #expect(
            [
                sums.meanGeneratorLoss, sums.meanDiscriminatorLoss, sums.generatorAccuracy, sums.sampledAccuracy,
                sums.replacedFraction, sums.discriminatorAccuracy, sums.precision, sums.recall,
            ].allSatisfy { $0 == 0 })
    }

    @Test("Adding adds every field")
    func addition() {
        var first = LossSums()
        first.generatorLoss = 1
        first.maskedCount = 2
        first.generatorCorrect = 3
        first.sampledCorrect = 4
        first.discriminatorLoss = 5
        first.tokenCount = 6
        first.truePositives = 7
        first.falsePositives = 8
        first.trueNegatives = 9
        first.falseNegatives = 10
        var total = first
        total += first
        total += LossSums()
        var expected = LossSums()
        expected.generatorLoss = 2
        expected.maskedCount = 4
        expected.generatorCorrect = 6
        expected.sampledCorrect = 8
        expected.discriminatorLoss = 10
        expected.tokenCount = 12
        expected.truePositives = 14
        expected.falsePositives = 16
        expected.trueNegatives = 18
        expected.falseNegatives = 20
        #expect(total == expected)
    }
}
