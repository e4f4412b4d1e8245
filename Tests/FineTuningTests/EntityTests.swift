import FineTuning
import Foundation
import Testing

/// Against seqeval.
@Suite("Fine-tuning: entities")
struct EntityTests {
    private struct Case: Decodable {
        struct Found: Decodable, Equatable {
            var name: String
            var first: Int
            var last: Int

            init(from decoder: any Decoder) throws {
                var values = try decoder.unkeyedContainer()
                (name, first, last) = (
                    try values.decode(String.self), try values.decode(Int.self), try values.decode(Int.self)
                )
            }
        }
        var labels: [[String]]
        var predicted: [[String]]
        var accuracy: Double
        var precision: Double
        var recall: Double
        var f1: Double
        var entities: [[Found]]
    }

    @Test func agreeWithSeqeval() throws {
        let cases = try fixture("entities", [Case].self)
        #expect(cases.count == 13)
        for expected in cases {
            for (labels, entities) in zip(expected.labels, expected.entities) {
                #expect(
                    Entity.entities(labels)
                        == entities.map { Entity(name: $0.name, words: $0.first..<$0.last + 1) }, "\(labels)")
            }
            let scores = TaskScores(loss: 0, predicted: expected.predicted, labels: expected.labels)
            #expect(scores.texts == expected.labels.count)
            for (own, other) in [
                (scores.accuracy, expected.accuracy), (scores.entityPrecision, expected.precision),
                (scores.entityRecall, expected.recall), (scores.entityF1, expected.f1),
            ] { #expect(abs(try #require(own) - other) < 1e-12) }
        }
    }
}
