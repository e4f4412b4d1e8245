import Pretraining
import Testing

@Suite("Area under the curve")
struct RankStatisticsTests {
    /// The definition, pair by pair.
    private func plain(_ scores: [Float], _ labels: [Bool]) -> Double? {
        var wins = 0.0
        var pairs = 0.0
        for (i, positive) in labels.enumerated() where positive {
            for (j, other) in labels.enumerated() where !other {
                pairs += 1
                wins += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0
            }
        }
        return pairs > 0 ? wins / pairs : nil
    }

    @Test("Equals the count over pairs, with many ties")
    func equalsDefinition() throws {
        var random = SystemRandomNumberGenerator()
        for count in [2, 3, 17, 200] {
            for levels in [1, 3, 1000] {
                let scores = (0..<count).map { _ in Float(Int.random(in: 0..<levels, using: &random)) }
                let labels = (0..<count).map { _ in Bool.random(using: &random) }
                let expected = plain(scores, labels)
                let actual = RankStatistics.areaUnderCurve(scores: scores, labels: labels)
                #expect((expected == nil) == (actual == nil))
                if let expected, let actual { #expect(abs(expected - actual) < 1e-12) }
            }
        }
    }

    @Test("Perfect, inverted and useless scores")
    func extremes() {
        let labels = [false, false, true, true]
        #expect(RankStatistics.areaUnderCurve(scores: [1, 2, 3, 4], labels: labels) == 1)
        #expect(RankStatistics.areaUnderCurve(scores: [4, 3, 2, 1], labels: labels) == 0)
        #expect(RankStatistics.areaUnderCurve(scores: [0, 0, 0, 0], labels: labels) == 0.5)
        #expect(RankStatistics.areaUnderCurve(scores: [1, 2], labels: [true, true]) == nil)
        // A score that equals nothing, not even itself, must not stop the count.
        #expect(RankStatistics.areaUnderCurve(scores: [1, .nan, 2], labels: [true, false, true]) == nil)
    }
}
