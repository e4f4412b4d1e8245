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

    /// - Parameter labels: names of the classes; empty where the model gives numbers.
    public init(
        _ predictions: [FineTunedModel.Prediction], labels: [String], model: String, input: String, output: String?,
        truncated: Int
    ) {
        self.model = model
        self.input = input
        self.output = output
        self.truncated = truncated
        texts = predictions.count
        if !labels.isEmpty {
            // Spans have the labels behind B- and I-.
            let hasSpans = predictions.contains { $0.spans != nil }
            let names = hasSpans ? labels.filter { $0.hasPrefix("B-") }.map { String($0.dropFirst(2)) } : labels
            let none = Dictionary(names.map { ($0, 0) }) { first, _ in first }
            let given = predictions.flatMap { $0.label.map { [$0] } ?? $0.labels ?? $0.spans?.map(\.label) ?? [] }
            self.labels = given.reduce(into: none) { $0[$1, default: 0] += 1 }
        }
        let answers = predictions.compactMap(\.answer)
        if !answers.isEmpty { answered = answers.count { !$0.isEmpty } }
        let found = predictions.compactMap(\.number)
        if let smallest = found.min(), let largest = found.max() {
            numbers = Numbers(
                mean: found.reduce(0, +) / Double(found.count), smallest: smallest, largest: largest)
        }
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
