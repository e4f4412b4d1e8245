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
        struct Labels: Decodable {
            var logits: [[Float]]
            var truth: [[Int]]
            var microF1: Double
            var macroF1: Double
            var subsetAccuracy: Double
            var auc: Double
        }
        var classes: [Classes]
        var numbers: [Numbers]
        var labels: [Labels]
    }

    @Test("Several labels agree with scikit-learn")
    func severalLabels() throws {
        let cases = try fixture("scores", Fixture.self).labels
        #expect(cases.count == 4)
        for expected in cases {
            let scores = TaskScores(
                loss: 0.25, logits: expected.logits, truth: expected.truth.map { $0.map { $0 == 1 } })
            #expect(scores.texts == expected.truth.count && scores.loss == 0.25)
            for (metric, other) in [
                (TaskMetric.microF1, expected.microF1), (.macroF1, expected.macroF1),
                (.subsetAccuracy, expected.subsetAccuracy), (.auc, expected.auc),
            ] { #expect(abs(try #require(scores[metric]) - other) < 1e-12, "\(metric)") }
        }
        // Where no label varies there is no curve.
        #expect(TaskScores(loss: 0, logits: [[1], [2]], truth: [[true], [true]]).auc == nil)
    }

    @Test func agreeWithScikitLearn() throws {
        let fixture = try fixture("scores", Fixture.self)
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
