import Configuration
import FineTuning
import Foundation
import Runs
import TestSupport
import Testing

/// From texts that belong together, or single ones, to vectors.
@Suite("Fine-tuning: vectors")
struct ContrastiveTaskTests {
    let texts: WeatherTexts

    init() throws { texts = try WeatherTexts() }

    private var folder: TemporaryFolder { texts.folder }

    private func run(
        _ configuration: FineTuningConfiguration, _ output: String, threads: Int = 1, notes: ((String) -> Void)? = nil
    ) throws -> FineTuningRun.Result {
        let run = FineTuningRun(
            configuration, pretrained: texts.pretrained, isFromScratch: false, output: folder(output), threads: threads,
            progress: ProgressLine(quiet: true),
            report: { if case .note(let text) = $0 { notes?(text) } })
        return try #require(try run.start().result)
    }

    private func configuration(_ change: (inout FineTuningConfiguration) throws -> Void) throws
        -> FineTuningConfiguration
    {
        var configuration = try texts.configuration(of: .contrastive)
        try change(&configuration)
        return configuration
    }

    @Test("Pairs are learned, and their vectors are those that were judged")
    func pairs() throws {
        let result = try run(configuration { $0.training.epochs = 6 }, "pairs")
        #expect(result.validation.spearman == nil && result.validation.texts == 40)
        let rank = try #require(result.validation.reciprocalRank)
        let untrained = try run(
            configuration {
                $0.training.epochs = 1
                $0.training.peakLearningRate = 0
            }, "untrained")
        #expect(try rank > #require(untrained.validation.reciprocalRank) + 0.05)
        #expect(try #require(result.validation.loss) < #require(untrained.validation.loss))

        let model = try FineTunedModel(path: folder("pairs"), threads: 2)
        #expect(model.givesVectors && model.metric == "reciprocal_rank" && model.bestScore == rank)
        let rows = try TaskTable.read(
            folder("contrastive/dev.jsonl"), .init(model.configuration.task, needsLabel: false))
        let predictions = try model.predict(rows).predictions
        let (first, tokens, _, truncated) = try model.vectors(rows.map { Array($0.text.utf8) })
        let second = try model.vectors(rows.map { Array(($0.pair ?? "").utf8) }).vectors
        #expect(truncated == 0 && tokens > 40 * 3 && first.allSatisfy { $0.count == model.vectorSize })
        for (prediction, vectors) in zip(predictions, zip(first, second)) {
            let product = zip(vectors.0, vectors.1).reduce(0) { $0 + Double($1.0) * Double($1.1) }
            #expect(abs(product - (prediction.number ?? 2)) < 1e-6)
        }
        #expect(first.allSatisfy { abs($0.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5 })
        let single = #expect(throws: TaskError.self) { _ = try model.predict([TaskRow(text: "sunny", line: 3)]) }
        #expect("\(try #require(single))".contains("texts:3: has no second text"))
    }

    @Test("Single texts, a line each, judged by scores of people or by themselves; the same on any threads")
    func singleTexts() throws {
        try folder.write(
            (0..<64).map { "the \($0 % 8) day was \(["sunny", "cold"][$0 % 2]) \($0)" }.joined(separator: "\n\n"),
            to: "t.txt")
        let scored = (0..<30).map { index in
            "{\"text\": \"sunny day \(index)\", \"text_pair\": \"\(["sunny day", "cold was", "sunny was"][index % 3]) \(index)\", "
                + "\"score\": \([5, 0.5, 3][index % 3])}"
        }
        try folder.write(scored.joined(separator: "\n"), to: "sts.jsonl")
        let settings = try configuration {
            $0.task.train = folder("t.txt")
            $0.task.validation = folder("sts.jsonl")
            $0.task.test = nil
            $0.task.labelField = "score"
            $0.training.epochs = 2
        }
        let result = try run(settings, "single")
        #expect(result.validation.loss == nil && result.validation.accuracy == nil)
        #expect(try #require(result.validation.spearman) > 0.5)
        #expect(try run(settings, "single-2", threads: 2) == result)
        let alone = try configuration {
            $0.task.train = folder("t.txt")
            $0.task.validation = nil
            $0.task.validationFraction = 0.3
            $0.task.test = folder("sts.jsonl")
            $0.task.labelField = "score"
            $0.training.epochs = 2
        }
        let own = try run(alone, "alone")
        // Dropout keeps readings apart, and each still finds the other better than chance.
        #expect(try #require(own.validation.loss) > 0 && #require(own.validation.reciprocalRank) > 0.3)
        #expect(try run(alone, "alone-3", threads: 3) == own)
        // Each by what it has; the epoch was chosen by the first.
        #expect(try #require(own.test?.spearman) > 0 && own.validation.spearman == nil)
        #expect(own.reported(alone.task) == .spearman)
        let none = #expect(throws: InvalidSetting.self) {
            _ = try run(
                configuration {
                    $0 = alone
                    $0.training.dropout = 0
                }, "none")
        }
        #expect("\(try #require(none))".contains("dropout alone tells the two readings"))
    }

    @Test("What cannot be learned or judged is refused, with the line")
    func refusals() throws {
        func problem(
            _ train: String, _ validation: String, _ metric: TaskMetric? = nil, test: String? = nil
        ) throws -> String {
            try folder.write(train, to: "a.jsonl")
            try folder.write(validation, to: "b.jsonl")
            if let test { try folder.write(test, to: "c.jsonl") }
            let error = #expect(throws: TaskError.self) {
                _ = try run(
                    configuration {
                        $0.task.train = folder("a.jsonl")
                        $0.task.validation = folder("b.jsonl")
                        $0.task.test = test == nil ? nil : folder("c.jsonl")
                        $0.task.metric = metric
                    }, "refused")
            }
            return "\(try #require(error))"
        }
        let (pair, single) = ("{\"text\": \"a\", \"text_pair\": \"b\"}", "{\"text\": \"a\"}")
        let scored = "{\"text\": \"a\", \"text_pair\": \"b\", \"label\": 3.5}"
        for (train, validation, metric, expected) in [
            (scored, scored, nil, "a.jsonl:1: has a label, and texts to train on all belong together"),
            ("\(pair)\n\(single)", pair, nil, "a.jsonl:2: has no second text, and others have one"),
            ("\(single)\n\(pair)", pair, nil, "a.jsonl:2: has a second text, and others have none"),
            ("{\"text\": \"a\", \"negative\": \"b\"}", pair, nil, "and none that does"),
            ("{\"text\": \"a\", \"text_pair\": \" \"}", pair, nil, "a.jsonl:1: has an empty pair"),
            (
                "{\"text\": \"a\", \"text_pair\": \"b\", \"negative\": \" \"}", pair, nil,
                "a.jsonl:1: has an empty negative"
            ),
            (pair, "\(scored)\n\(pair)", nil, "b.jsonl:2: has no score, and others have one"),
            (single, "{\"text\": \"a\", \"label\": 3.5}", nil, "b.jsonl:1: has a score and no second text"),
            (pair, scored.replacing("3.5", with: "\"good\""), nil, "b.jsonl:1: the score good is no number"),
            (pair, pair, .spearman, "b.jsonl:1: has no score (label_field), which metric: spearman needs"),
            (pair, scored, .accuracy, "b.jsonl:1: has a score, by which metric: accuracy does not judge"),
        ] as [(String, String, TaskMetric?, String)] {
            let problem = try problem(train, validation, metric)
            #expect(problem.contains(expected), "\(problem)")
        }
        // A name that no text to learn from has; those to be judged by need not have it.
        try folder.write("\(pair)\n", to: "a.jsonl")
        try folder.write("{\"text\": \"a\", \"text_pair\": \"b\", \"other\": \"c\"}\n", to: "d.jsonl")
        func rows(_ file: String) throws -> [TaskRow] {
            let task = try configuration { $0.task.negativeField = "other" }.task
            let rows = try TaskTable.read(folder(file), TaskTable.Fields(task, needsLabel: true))
            _ = try TaskLabels(task, of: rows, path: file)
            return rows
        }
        #expect(try rows("d.jsonl").map(\.negative) == ["c"])
        let unnamed = #expect(throws: TaskError.self) { _ = try rows("a.jsonl") }
        #expect("\(try #require(unnamed))".contains("has no text under other, which negative_field names"))
        // Its scores are in no column that is read, and it is found before training.
        let unscored = try problem(pair, scored, test: pair)
        #expect(
            unscored.contains("c.jsonl:1: has no score (label_field), and texts for validation have one"), "\(unscored)"
        )
        for (key, change) in [
            ("training.batch_size", { $0.training.batchSize = 1 }), ("labels", { $0.task.labels = ["a", "b"] }),
            ("training.long_texts", { $0.training.longTexts = .stride }),
        ] as [(String, (inout FineTuningConfiguration) -> Void)] {
            let error = #expect(throws: InvalidSetting.self) { try configuration(change).validate() }
            #expect(error?.key == key)
        }
        var other = texts.configuration
        other.training.temperature = 0.1
        #expect(throws: InvalidSetting.self) { try other.validate() }
        other = texts.configuration
        other.training.epochs = 1
        _ = try run(other, "classes")
        let classes = #expect(throws: TaskError.self) {
            _ = try FineTunedModel(path: folder("classes"), threads: 1).vectors([Array("a".utf8)])
        }
        #expect("\(try #require(classes))".contains("is a model of kind: classes"))
    }
}
