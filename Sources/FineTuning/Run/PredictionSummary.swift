import Formatting
import Foundation

/// What a model has said of many texts.
public struct PredictionSummary: Codable, Equatable, Sendable {
    /// Of numbers.
    public struct Numbers: Codable, Equatable, Sendable {
        public var mean: Double
        public var smallest: Double
        public var largest: Double

        public init(mean: Double, smallest: Double, largest: Double) {
            self.mean = mean
            self.smallest = smallest
            self.largest = largest
        }
    }

    /// The checkpoint.
    public var model: String
    public var input: String
    /// Where the predictions are; nil for standard output, or for nowhere.
    public var output: String?
    public var texts: Int
    /// Texts that were cut to the length that the model was trained with.
    public var truncated: Int
    /// How many texts, words or spans got each label, those that none got included; nil where the model has no labels.
    public var labels: [String: Int]?
    /// How many questions have an answer in their context; nil where the model gives none.
    public var answered: Int?
    public var numbers: Numbers?

    /// Of nothing yet.
    ///
    /// - Parameters:
    ///   - labels: names of the classes; empty where the model gives numbers.
    ///   - givesSpans: whether it labels spans, whose labels are those behind B- and I-.
    public init(labels: [String], givesSpans: Bool, model: String, input: String, output: String?) {
        self.model = model
        self.input = input
        self.output = output
        (texts, truncated) = (0, 0)
        if labels.isEmpty { return }
        let names = givesSpans ? labels.filter { $0.hasPrefix("B-") }.map { String($0.dropFirst(2)) } : labels
        self.labels = Dictionary(names.map { ($0, 0) }) { first, _ in first }
    }

    /// - Parameter cut: how many of the texts were cut.
    public mutating func add(_ predictions: [FineTunedModel.Prediction], cut: Int) {
        for prediction in predictions {
            texts += 1
            if labels != nil {
                let given = prediction.label.map { [$0] } ?? prediction.labels ?? prediction.spans?.map(\.label) ?? []
                for label in given { labels?[label, default: 0] += 1 }
            }
            if let answer = prediction.answer { answered = (answered ?? 0) + (answer.isEmpty ? 0 : 1) }
            guard let number = prediction.number else { continue }
            let before = numbers ?? Numbers(mean: 0, smallest: number, largest: number)
            numbers = Numbers(
                mean: before.mean + (number - before.mean) / Double(texts), smallest: min(before.smallest, number),
                largest: max(before.largest, number))
        }
        truncated += cut
    }

    public var text: String {
        var lines = ["\(CountFormat.grouped(texts)) texts"]
        for (label, count) in (labels ?? [:]).sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            lines.append("  \(label): \(CountFormat.grouped(count))")
        }
        if let answered { lines.append("  with an answer: \(CountFormat.grouped(answered))") }
        if let numbers {
            lines.append(
                String(
                    format: "  numbers from %.4g to %.4g, mean %.4g", numbers.smallest, numbers.largest, numbers.mean))
        }
        if let output { lines.append("the predictions are in \(output)") }
        return lines.joined(separator: "\n") + "\n"
    }
}
