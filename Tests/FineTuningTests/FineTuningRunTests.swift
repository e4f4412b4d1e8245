import Configuration
import FineTuning
import Foundation
import Pretraining
import Runs
import TestSupport
import Testing

/// From a pretrained model and a file of texts to a model that labels.
@Suite("Fine-tuning: runs")
struct FineTuningRunTests {
    let texts: WeatherTexts

    init() throws { texts = try WeatherTexts() }

    private var folder: TemporaryFolder { texts.folder }
    private var pretrained: String { texts.pretrained }

    private func configuration(
        _ change: (inout FineTuningConfiguration) -> Void = { _ in }
    ) -> FineTuningConfiguration {
        var configuration = texts.configuration
        change(&configuration)
        return configuration
    }

    private func run(
        _ configuration: FineTuningConfiguration, _ output: String, threads: Int = 1, isFromScratch: Bool = false,
        report: @escaping (RunEvent<TaskEvaluation>) -> Void = { _ in }
    ) throws -> FineTuningRun.Result? {
        try FineTuningRun(
            configuration, pretrained: pretrained, isFromScratch: isFromScratch, output: folder(output),
            threads: threads, progress: ProgressLine(quiet: true), report: report
        ).start().result
    }

    @Test("It learns, keeps the best epoch, and labels texts as it was judged")
    func learns() throws {
        var evaluations: [TaskEvaluation] = []
        let result = try #require(
            try run(configuration(), "tuned") { event in
                if case .evaluation(let evaluation) = event { evaluations.append(evaluation) }
            })
        #expect(result.steps == 8 * 8 && evaluations.map(\.epoch) == Array(1...8))
        let best = evaluations.compactMap(\.validation.accuracy).max()
        #expect(result.validation.accuracy == best)
        #expect(evaluations.first { $0.step == result.bestStep }?.validation == result.validation)
        let test = try #require(result.test)
        #expect(try #require(test.accuracy) > 0.9)
        let model = try FineTunedModel(path: folder("tuned"), threads: 2)
        #expect(model.labels == ["fair", "foul"])
        let rows = try TaskTable.read(folder("test.jsonl"), .init(model.configuration.task))
        let (predictions, truncated, _) = try model.predict(rows)
        #expect(truncated == 0)
        let right = zip(rows, predictions).count { $0.label == $1.label }
        #expect(Double(right) / 40 == test.accuracy)
        #expect(predictions.allSatisfy { abs(($0.probabilities?.values.reduce(0, +) ?? 0) - 1) < 1e-9 })
        // Done already: the same result without another step.
        #expect(try run(configuration(), "tuned") == result)
        // The same on other threads, and from weights by chance something else.
        #expect(try run(configuration(), "again", threads: 3) == result)
        #expect(try run(configuration(), "scratch", isFromScratch: true) != result)
    }

    @Test("Numbers, classes that weigh alike, a share for validation")
    func otherTasks() throws {
        try folder.write(
            (0..<80).map {
                "{\"text\": \"\($0 % 2 == 0 ? "sunny" : "cold") day \($0)\", \"label\": \($0 % 2 == 0 ? 1.5 : -0.5)}"
            }
            .joined(separator: "\n"), to: "numbers.jsonl")
        let numbers = try #require(
            try run(
                configuration {
                    $0.task.kind = .number
                    $0.task.train = folder("numbers.jsonl")
                    $0.task.validation = nil
                    $0.task.validationFraction = 0.25
                    $0.task.test = nil
                    $0.training.epochs = 6
                    $0.training.pooling = .mean
                }, "numbers"))
        #expect(numbers.test == nil && numbers.validation.accuracy == nil)
        #expect(try #require(numbers.validation.pearson) > 0.8)
        let model = try FineTunedModel(path: folder("numbers"), threads: 1)
        #expect(model.labels.isEmpty)
        #expect(try model.predict([.init(text: "sunny day", line: 1)]).predictions[0].number != nil)
        let balanced = try run(configuration { $0.training.classWeights = .balanced }, "balanced")
        #expect(balanced != nil)
    }

    @Test("Without a better epoch patience ends, and it stays ended")
    func patience() throws {
        let configuration = configuration {
            $0.training.peakLearningRate = 0
            $0.training.patience = 2
        }
        let result = try #require(try run(configuration, "patient"))
        #expect(result.bestStep == 8 && result.steps == 3 * 8)
        #expect(try run(configuration, "patient") == result)
    }

    @Test("A run that was killed behind its best epoch knows it again")
    func bestSurvives() throws {
        let configuration = configuration {
            $0.training.peakLearningRate = 0
            $0.training.epochs = 2
        }
        let result = try #require(try run(configuration, "killed"))
        #expect(result.bestStep == 8)
        let checkpoints = folder.names("killed/checkpoints").filter { $0.contains("16") }
        #expect(checkpoints.count == 1)
        try folder.remove("killed/checkpoints/\(checkpoints[0])")
        #expect(try run(configuration, "killed") == result)
    }

    @Test("What a killed run is gone on with knows nothing of a later epoch's model, and saves what it has come to")
    func bestAhead() throws {
        let configuration = configuration { $0.training.epochs = 3 }
        let result = try #require(try run(configuration, "ahead"))
        // The last checkpoints are lost, and the best epoch's model is there.
        try #require(result.bestStep > 8)
        for name in folder.names("ahead/checkpoints") where !name.hasSuffix("8") || name.hasSuffix("48") {
            try folder.remove("ahead/checkpoints/\(name)")
        }
        try #require(folder.names("ahead/checkpoints").count <= 1)
        #expect(try run(configuration, "ahead") == result)
        for name in folder.names("ahead/checkpoints") {
            #expect(throws: Never.self) {
                _ = try FineTunedModel(path: folder("ahead/checkpoints/\(name)"), threads: 1)
            }
        }
    }

    @Test("A best model whose run is gone is not taken for that of a new one")
    func bestOfAnother() throws {
        let first = try #require(try run(configuration { $0.training.epochs = 3 }, "gone"))
        try #require(first.bestStep > 8)
        try folder.remove("gone/checkpoints")
        let second = try #require(try run(configuration { $0.training.epochs = 1 }, "gone"))
        #expect(second.bestStep == 8 && folder.names("gone/previous-1/best").count == 1)
        #expect(try FineTunedModel(path: folder("gone"), threads: 1).configuration.training.epochs == 1)
    }

    @Test("Labels are told, and kept with the result; one that is there with a space around is the same")
    func labels() throws {
        let lines = try folder.text("train.jsonl").split(separator: "\n")
        try folder.write(
            lines.enumerated().map { $0 % 4 == 0 ? $1.replacing("\"fair\"", with: "\" fair \"") : $1 }
                .joined(separator: "\n"), to: "spaced.jsonl")
        var notes: [String] = []
        let result = try #require(
            try run(
                configuration {
                    $0.training.epochs = 1
                    $0.task.train = folder("spaced.jsonl")
                }, "labels"
            ) { event in if case .note(let text) = event { notes.append(text) } })
        #expect(notes.contains("labels of the training texts: fair 60, foul 60"))
        #expect(result.labels == ["fair": 60, "foul": 60])
        #expect(try folder.text("labels/result.json").contains("\"fair\" : 60"))
    }

    @Test("Texts are all pairs or none, in every file, and of a model what it was trained on")
    func pairsAndSingleTexts() throws {
        func problem(_ body: () throws -> Void) throws -> String {
            "\(try #require(#expect(throws: TaskError.self) { try body() }))"
        }
        let pair = "{\"text\": \"sunny\", \"text_pair\": \"warm\", \"label\": \"fair\"}\n"
        let single = "{\"text\": \"cold\", \"label\": \"foul\"}\n"
        try folder.write(pair + pair.replacing("fair", with: "foul") + single, to: "mixed.jsonl")
        try folder.write(pair + pair.replacing("fair", with: "foul"), to: "pairs.jsonl")
        #expect(
            try problem { _ = try run(configuration { $0.task.train = folder("mixed.jsonl") }, "mixed") }
                .contains("mixed.jsonl:3: has no second text, and others have one"))
        #expect(
            try problem { _ = try run(configuration { $0.task.validation = folder("pairs.jsonl") }, "other") }
                .contains("pairs.jsonl:1: has a second text, and others have none"))
        _ = try run(configuration { $0.training.epochs = 1 }, "single")
        let model = try FineTunedModel(path: folder("single"), threads: 1)
        let row = TaskRow(text: "sunny", pair: "warm", line: 7)
        #expect(try problem { _ = try model.predict([row], of: "f") }.contains("f:7: has a second text"))
    }

    @Test("Numbers far from 0 are learned as they are, and come out so")
    func years() throws {
        try folder.write(
            (0..<96).map {
                "{\"text\": \"\($0 % 2 == 0 ? "sunny" : "cold") day \($0)\", \"label\": \($0 % 2 == 0 ? 2015 : 1815)}"
            }
            .joined(separator: "\n"), to: "years.jsonl")
        let configuration = configuration {
            $0.task.kind = .number
            $0.task.train = folder("years.jsonl")
            $0.task.validation = nil
            $0.task.validationFraction = 0.25
            $0.task.test = nil
            $0.training.pooling = .mean
            $0.training.batchSize = 4
            $0.training.epochs = 12
        }
        let result = try #require(try run(configuration, "years"))
        // A hundred years is what the mean of all is off.
        let error = try #require(result.validation.loss).squareRoot()
        #expect(error < 50, "\(error)")
        let model = try FineTunedModel(path: folder("years"), threads: 1)
        let numbers = try model.predict([.init(text: "sunny day", line: 1), .init(text: "cold day", line: 2)])
            .predictions.map { try #require($0.number) }
        #expect(numbers[0] > 1950 && numbers[1] < 1880, "\(numbers)")
        try folder.write(
            (0..<8).map { "{\"text\": \"day \($0)\", \"label\": 3.7}" }.joined(separator: "\n"), to: "same.jsonl")
        let same = #expect(throws: TaskError.self) {
            _ = try run(
                self.configuration {
                    $0.task.kind = .number
                    $0.task.train = folder("same.jsonl")
                    $0.task.validation = nil
                    $0.task.test = nil
                }, "same")
        }
        #expect("\(try #require(same))".contains("has one number"))
    }

    @Test("Another task in the same folder is refused; what is no fine-tuned model too")
    func refusals() throws {
        let one = try run(configuration { $0.training.epochs = 1 }, "one")
        let same = configuration {
            $0.training.epochs = 1
            $0.task.labelField = "label"
        }
        #expect(try run(same, "one") == one)
        let other = #expect(throws: TaskError.self) {
            _ = try run(configuration { $0.training.epochs = 2 }, "one")
        }
        #expect("\(try #require(other))".contains("epochs (1, now 2)"))
        let texts = #expect(throws: TaskError.self) {
            _ = try run(
                configuration {
                    $0.training.epochs = 1
                    $0.task.train = folder("test.jsonl")
                }, "one")
        }
        #expect("\(try #require(texts))".contains("its texts"))
        // The same shape, other weights.
        let scratch = #expect(throws: TaskError.self) {
            _ = try run(configuration { $0.training.epochs = 1 }, "one", isFromScratch: true)
        }
        let message = "\(try #require(scratch))"
        #expect(message.contains("the weights that it begins with (the run \"pretrained\" after step 2"))
        #expect(message.contains("now random weights)"))
        #expect(throws: TaskError.self) { _ = try FineTunedModel(path: pretrained, threads: 1) }
        try folder.write("{\"text\": \"a\", \"label\": \"dull\"}", to: "odd.jsonl")
        let label = #expect(throws: TaskError.self) {
            _ = try run(configuration { $0.task.validation = folder("odd.jsonl") }, "two")
        }
        #expect("\(try #require(label))".contains("odd.jsonl:1: the label dull is none of fair, foul"))
    }

    @Test("More memory than there is, and more labels than can be told apart, are refused by name")
    func limits() throws {
        let memory = #expect(throws: (any Error).self) {
            _ = try run(configuration { $0.training.chunkTokens = 1 << 20 }, "large", threads: 256)
        }
        #expect("\(try #require(memory))".contains("memory"), "\(String(describing: memory))")
        let range = #expect(throws: ConfigurationError.self) {
            _ = try run(configuration { $0.training.chunkTokens = 1 << 30 }, "larger")
        }
        #expect("\(try #require(range))".contains("training.chunk_tokens"))
        let lines = (0..<10_001).map { #"{"text": "rain", "label": "id\#($0)"}"# }.joined(separator: "\n")
        try folder.write(lines, to: "unique.jsonl")
        var unique = configuration()
        unique.task.train = folder("unique.jsonl")
        let labels = #expect(throws: TaskError.self) { _ = try run(unique, "unique") }
        #expect("\(try #require(labels))".contains("10001 different labels"))
    }
}
