import FineTuning
import Foundation
import Testing

/// Against scikit-learn and scipy.
@Suite("Fine-tuning: scores")
struct TaskScoresTests {
    private struct Fixture: Decodable {
        struct Classes: Decodable {
            var count: Int
            var labels: [Int]
            var predicted: [Int]
            var accuracy: Double
            var macroF1: Double
            var f1: Double?
            var matthews: Double
        }
        struct Numbers: Decodable {
            var numbers: [Double]
            var predicted: [Double]
            var pearson: Double
            var spearman: Double
        }
        var classes: [Classes]
        var numbers: [Numbers]
    }

    @Test func agreeWithScikitLearn() throws {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/scores", withExtension: "json"))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let fixture = try decoder.decode(Fixture.self, from: Data(contentsOf: url))
        #expect(fixture.classes.count == 7 && fixture.numbers.count == 3)
        for expected in fixture.classes {
            let scores = TaskScores(
                loss: 0.5, predicted: expected.predicted, labels: expected.labels, classCount: expected.count)
            #expect(scores.texts == expected.labels.count && scores.loss == 0.5)
            for (own, other) in [
                (scores.accuracy, expected.accuracy), (scores.macroF1, expected.macroF1),
                (scores.matthews, expected.matthews),
            ] { #expect(abs(try #require(own) - other) < 1e-12) }
            #expect((scores.f1 == nil) == (expected.f1 == nil))
            if let f1 = expected.f1 { #expect(abs(try #require(scores.f1) - f1) < 1e-12) }
            #expect(scores.predictsOneClass == (Set(expected.predicted).count == 1))
        }
        for expected in fixture.numbers {
            let scores = TaskScores(loss: 0, predicted: expected.predicted, numbers: expected.numbers)
            #expect(abs(try #require(scores.pearson) - expected.pearson) < 1e-12)
            #expect(abs(try #require(scores.spearman) - expected.spearman) < 1e-12)
        }
        // What does not vary correlates with nothing.
        #expect(TaskScores(loss: 0, predicted: [1, 1, 1], numbers: [1, 2, 3]).pearson == 0)
    }
}
