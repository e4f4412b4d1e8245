import FineTuning
import Testing

@Suite("Fine-tuning: summaries of predictions")
struct PredictionSummaryTests {
    private func summary(
        _ predictions: [FineTunedModel.Prediction], labels: [String], output: String? = nil
    ) -> PredictionSummary {
        var summary = PredictionSummary(
            labels: labels, givesSpans: predictions.contains { $0.spans != nil }, model: "tuned", input: "new.jsonl",
            output: output)
        for prediction in predictions { summary.add([prediction], cut: 0) }
        return summary
    }

    @Test func labelsAreCounted() {
        let found = summary(
            ["a", "b", "b"].map { .init(label: $0) }, labels: ["a", "b", "c"], output: "labels.jsonl")
        #expect(found.labels == ["a": 1, "b": 2, "c": 0] && found.numbers == nil && found.texts == 3)
        #expect(found.text == "3 texts\n  b: 2\n  a: 1\n  c: 0\nthe predictions are in labels.jsonl\n")
    }

    @Test func numbersHaveARange() {
        let found = summary([2, -1, 5].map { .init(number: $0) }, labels: [])
        #expect(found.labels == nil && found.numbers == .init(mean: 2, smallest: -1, largest: 5))
        #expect(found.text == "3 texts\n  numbers from -1 to 5, mean 2\n")
    }

    @Test func severalLabelsAndAnswersAreCounted() {
        let labels = summary(
            [.init(labels: ["a", "b"]), .init(labels: []), .init(labels: ["b"])], labels: ["a", "b"])
        #expect(labels.labels == ["a": 1, "b": 2] && labels.answered == nil)
        let answers = summary([.init(answer: "Rome"), .init(answer: "")], labels: [])
        #expect(answers.answered == 1 && answers.labels == nil)
        #expect(answers.text == "2 texts\n  with an answer: 1\n")
    }

    @Test func spansAreCountedByTheirLabels() {
        let found = summary(
            [
                .init(spans: [.init(start: 0, end: 4, label: "PLACE"), .init(start: 6, end: 9, label: "PLACE")]),
                .init(spans: []),
            ], labels: ["B-NAME", "B-PLACE", "I-PLACE", "O"])
        #expect(found.labels == ["NAME": 0, "PLACE": 2])
    }
}
