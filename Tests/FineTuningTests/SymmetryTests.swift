import FineTuning
import Foundation
import Runs
import TestSupport
import Testing
import Tokenization

/// Pairs that mean the same in both orders.
@Suite("Fine-tuning: symmetric pairs")
struct SymmetryTests {
    private let texts: WeatherTexts

    init() throws {
        texts = try WeatherTexts()
        // Whether both texts are of the same weather; a label by order too would be learned without symmetry.
        let words = [["sunny", "warm", "bright"], ["cold", "rain", "grey"]]
        var random = SplitMix64(seed: 12)
        let rows = (0..<60).map { index -> String in
            let (first, second) = (index % 2, (index / 2) % 2)
            func text(_ kind: Int) -> String {
                (0..<3).map { _ in words[kind].randomElement(using: &random)! }.joined(separator: " ")
            }
            return "{\"text\": \"\(text(first)) day\", \"text_pair\": \"\(text(second))\", \"label\": "
                + "\"\(first == second ? "same" : "other")\", \"number\": \(first + second), \"first\": \"\(first)\"}"
        }
        try texts.folder.write(rows.prefix(40).joined(separator: "\n"), to: "pairs.jsonl")
        try texts.folder.write(rows.suffix(20).joined(separator: "\n"), to: "other.jsonl")
    }

    private func configuration(_ isSymmetric: Bool, _ change: (inout FineTuningConfiguration) -> Void = { _ in })
        -> FineTuningConfiguration
    {
        var configuration = texts.configuration
        configuration.task.train = texts.folder("pairs.jsonl")
        configuration.task.validation = texts.folder("other.jsonl")
        configuration.task.test = nil
        configuration.task.symmetric = isSymmetric
        // Enough for the order to make a difference where nothing is averaged.
        configuration.training.epochs = 20
        configuration.training.peakLearningRate = 5e-3
        change(&configuration)
        return configuration
    }

    private func run(_ configuration: FineTuningConfiguration, _ output: String) throws -> FineTuningRun.Result {
        try #require(
            try FineTuningRun(
                configuration, pretrained: texts.pretrained, isFromScratch: false, output: texts.folder(output),
                threads: 2, progress: ProgressLine(quiet: true), report: { _ in }
            ).start().result)
    }

    private func rows(swapped: Bool) throws -> [TaskRow] {
        try TaskTable.read(texts.folder("other.jsonl"), .init(TaskConfiguration())).map { row in
            guard swapped else { return row }
            return TaskRow(text: try #require(row.pair), pair: row.text, label: row.label, line: row.line)
        }
    }

    @Test("A pair stands in both orders, and counts once where it is cut")
    func orders() throws {
        let tokenizer = try Tokenizer(json: Array(texts.folder.data("pretrained/tokenizer.json")))
        var encoder = try TaskEncoder(tokenizer, longestText: 8)
        let row = TaskRow(text: "777777", pair: "88", line: 4)
        let both = try encoder.orders(of: row, target: .label(1), isSymmetric: true, .init(), path: "f").examples
        #expect(both.count == 2 && encoder.truncated == 1)
        #expect(both.map(\.target) == [.label(1), .label(1)] && both.map(\.pairStart) == [5, 4])
        let single = try encoder.orders(of: row, target: .label(1), isSymmetric: false, .init(), path: "f").examples
        #expect(single == [both[0]] && encoder.truncated == 2)
        // The same texts under the other tokens.
        func parts(_ example: TaskExample) -> [[Int32]] {
            example.tokens.dropFirst().split(separator: example.tokens.last ?? 0).map(Array.init)
        }
        #expect(parts(both[0]) == parts(both[1]).reversed())
        let error = #expect(throws: TaskError.self) {
            try encoder.orders(of: .init(text: "7", line: 9), target: nil, isSymmetric: true, .init(), path: "f")
        }
        #expect("\(try #require(error))".hasPrefix("f:9: has no second text"))
    }

    @Test("Probabilities are averaged, not logits")
    func means() {
        let logits: [[Float]] = [[0, 3], [1, 0]]
        let found = OrderMeans.probabilities(logits)
        let expected = [[0.0, 3], [1, 0]].map { row in exp(row[1]) / (exp(row[0]) + exp(row[1])) }
        #expect(abs(found[1] - (expected[0] + expected[1]) / 2) < 1e-12)
        #expect(OrderMeans.label(logits) == 1 && OrderMeans.label([logits[1]]) == 0)
        // Two orders that are nearly sure of opposite classes are even; the mean of the logits would favour the surer one.
        let shares = OrderMeans.probabilities([[0, 40], [20, 0]])
        #expect(abs(shares[0] - shares[1]) < 1e-8)
        #expect(OrderMeans.number([[1], [2]]) == 1.5)
    }

    @Test("Both orders are trained on, and one thing is said of both")
    func classes() throws {
        let result = try run(configuration(true), "tuned")
        // 40 pairs in two orders, in batches of 16.
        #expect(result.steps == 20 * 5 && result.validation.texts == 20)
        let model = try FineTunedModel(path: texts.folder("tuned"), threads: 1)
        let said = try model.predict(rows(swapped: false)).predictions
        let swapped = try model.predict(rows(swapped: true)).predictions
        #expect(said.map(\.label) == swapped.map(\.label))
        for (one, other) in zip(said, swapped) {
            let (a, b) = (try #require(one.probabilities?["same"]), try #require(other.probabilities?["same"]))
            #expect(abs(a - b) < 1e-6)
        }
        let right = zip(try rows(swapped: false), said).count { $0.label == $1.label }
        #expect(result.validation.accuracy == Double(right) / 20)
        #expect(throws: TaskError.self) { try model.predict([.init(text: "alone", line: 1)]) }

        // Without it the order is something to learn.
        let plain = try run(configuration(false) { $0.task.labelField = "first" }, "plain")
        #expect(plain.steps == 20 * 3 && plain.validation.texts == 20)
        let one = try FineTunedModel(path: texts.folder("plain"), threads: 1)
        let first = try one.predict(rows(swapped: false)).predictions.compactMap { $0.probabilities?["0"] }
        let second = try one.predict(rows(swapped: true)).predictions.compactMap { $0.probabilities?["0"] }
        #expect(zip(first, second).contains { abs($0 - $1) > 1e-3 })
    }

    @Test("Numbers are averaged; a pair in both orders is on one side of the division")
    func numbers() throws {
        // Every pair and its mirror image.
        let lines = try texts.folder.text("pairs.jsonl").split(separator: "\n").map(String.init)
        let mirrored = lines.map { line in
            line.replacing("\"text\":", with: "\"x\":").replacing("\"text_pair\":", with: "\"text\":")
                .replacing("\"x\":", with: "\"text_pair\":")
        }
        try texts.folder.write((lines + mirrored).joined(separator: "\n"), to: "mirrored.jsonl")
        let result = try run(
            configuration(true) {
                $0.task.kind = .number
                $0.task.labelField = "number"
                $0.task.train = texts.folder("mirrored.jsonl")
                $0.task.validation = nil
                $0.task.validationFraction = 0.3
            }, "numbers")
        #expect(result.validation.texts.isMultiple(of: 2) && result.validation.texts > 0)
        let model = try FineTunedModel(path: texts.folder("numbers"), threads: 1)
        let said = try model.predict(rows(swapped: false)).predictions.compactMap(\.number)
        let swapped = try model.predict(rows(swapped: true)).predictions.compactMap(\.number)
        #expect(said.count == 20 && relativeError(said, swapped) < 1e-6)
    }

    @Test("A task of single texts is refused")
    func singles() throws {
        var configuration = texts.configuration
        configuration.task.symmetric = true
        let error = #expect(throws: TaskError.self) { _ = try run(configuration, "single") }
        #expect("\(try #require(error))".contains("train.jsonl:1: has no second text"))
    }
}
