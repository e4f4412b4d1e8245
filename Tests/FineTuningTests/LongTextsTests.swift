import FineTuning
import Foundation
import Runs
import TestSupport
import Testing

@Suite("Fine-tuning: texts longer than the model")
struct LongTextsTests {
    let texts: WeatherTexts

    init() throws { texts = try WeatherTexts() }

    private func run(_ configuration: FineTuningConfiguration, _ name: String, threads: Int = 2) throws
        -> FineTuningRun.Result
    {
        let run = FineTuningRun(
            configuration, pretrained: texts.pretrained, isFromScratch: false, output: texts.folder(name),
            threads: threads, progress: ProgressLine(quiet: true), report: { _ in })
        return try #require(try run.start().result)
    }

    /// Words of which the last alone tells anything, behind more than the model reads.
    private func write(_ kind: TaskKind) throws -> FineTuningConfiguration {
        for (name, count) in [("train", 96), ("dev", 40)] {
            let lines = (0..<count).map { index in
                let filler = (0..<(12 + index % 9)).map { ["the", "day", "was"][(index / 2 + $0 * $0) % 3] }
                let text = (filler + [index % 2 == 0 ? "sunny" : "cold"]).joined(separator: " ")
                let label = [.classes: ["\"a\"", "\"b\""], .labels: ["[\"a\"]", "[]"], .number: ["1", "-1"]][kind]?[
                    index % 2]
                return "{\"text\": \"\(text)\", \"label\": \(label ?? "")}"
            }
            try texts.folder.write(lines.joined(separator: "\n"), to: "long/\(name).jsonl")
        }
        var configuration = texts.configuration
        configuration.task.kind = kind
        configuration.task.train = texts.folder("long/train.jsonl")
        configuration.task.validation = texts.folder("long/dev.jsonl")
        configuration.task.labelField = "label"
        configuration.task.test = nil
        configuration.training.maximumLength = 12
        configuration.training.windowOverlap = 2
        configuration.training.pooling = .mean
        configuration.training.epochs = 20
        return configuration
    }

    @Test(
        "What stands behind the model's length is seen by windows alone",
        arguments: [TaskKind.classes, .labels, .number])
    func stride(kind: TaskKind) throws {
        var configuration = try write(kind)
        let metric = configuration.task.decidingMetric
        let cut = try run(configuration, "cut")
        configuration.training.longTexts = .stride
        let whole = try run(configuration, "whole")
        let scores = try [cut, whole].map { try #require($0.validation[metric]) }
        #expect(scores[0] < 0.7 && scores[1] > 0.9, "\(scores)")
        #expect(cut.truncated == 136 && whole.truncated == 0)
        #expect(try run(configuration, "single", threads: 1) == whole)
    }

    @Test("A text's number is the mean of those of its windows, pairs too")
    func mean() throws {
        var configuration = try write(.number)
        configuration.training.longTexts = .stride
        configuration.training.epochs = 1
        _ = try run(configuration, "mean")
        let ofSingle = try FineTunedModel(path: texts.folder("mean"), threads: 1)
        for name in ["train", "dev"] {
            let lines = try texts.folder.text("long/\(name).jsonl")
            try texts.folder.write(
                lines.replacing("\"label\"", with: "\"text_pair\": \"the day\", \"label\""), to: "long/\(name).jsonl")
        }
        _ = try run(configuration, "pairs")
        let model = try FineTunedModel(path: texts.folder("pairs"), threads: 1)
        func number(_ text: String, _ pair: String? = nil) throws -> Double {
            let model = pair == nil ? ofSingle : model
            return try #require(try model.predict([.init(text: text, pair: pair, line: 1)]).predictions[0].number)
        }
        let words = (0..<18).map { [" the", " day", " sunny", " cold"][($0 * $0 + $0 / 3) % 4] }
        func text(_ range: Range<Int>) -> String { words[range].joined() }
        // Of twelve tokens two are [CLS] and [SEP].
        let single = try (number(text(0..<10)) + number(text(8..<18))) / 2
        #expect(abs(try number(text(0..<18)) - single) < 1e-6)
        let ranges = [0..<7, 5..<12, 10..<17, 11..<18]
        let first = try ranges.map { try number(" was day", text($0)) }.reduce(0, +) / 4
        #expect(abs(try number(" was day", text(0..<18)) - first) < 1e-6)
        let second = try ranges.map { try number(text($0), " was day") }.reduce(0, +) / 4
        #expect(abs(try number(text(0..<18), " was day") - second) < 1e-6 && abs(first - second) > 1e-6)
        // A pair of which both are long: the shorter one is cut to four.
        let both = try model.predict([.init(text: text(0..<9), pair: text(0..<18), line: 1)])
        let windows = try [0..<5, 3..<8, 6..<11, 9..<14, 12..<17, 13..<18].map { try number(text(0..<4), text($0)) }
        #expect(both.truncated == 1 && abs((both.predictions[0].number ?? 0) - windows.reduce(0, +) / 6) < 1e-6)
    }

    @Test("Windows that share nearly everything are refused")
    func overlap() throws {
        var configuration = try write(.number)
        configuration.training.windowOverlap = 7
        let error = #expect(throws: (any Error).self) { _ = try run(configuration, "slow") }
        #expect("\(try #require(error))".contains("training.window_overlap: 7 is more than half of the 12 tokens"))
    }

    @Test("Choices have no windows")
    func choices() throws {
        var configuration = texts.configuration
        configuration.task.kind = .choice
        configuration.training.longTexts = .stride
        let error = #expect(throws: (any Error).self) { try configuration.validate() }
        #expect("\(try #require(error))".contains("training.long_texts: stride is not for kind: choice"))
    }
}
