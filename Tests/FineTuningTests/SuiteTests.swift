import Checkpoints
import Configuration
import FineTuning
import Foundation
import Pretraining
import Runs
import TestSupport
import Testing

/// Many models on many tasks.
@Suite("Fine-tuning: suites")
struct SuiteTests {
    private func start(_ name: String, baseline: String? = nil) -> SuiteReport.Start {
        .init(start: SuiteStart(name: name, path: name, isFromScratch: baseline == nil, baseline: baseline))
    }

    private func cell(_ task: String, _ start: String, _ scores: [Double], isTest: Bool = true) -> SuiteReport.Cell {
        .init(
            task: task, start: start, metric: "accuracy", isTest: isTest, learningRate: 1e-3,
            trials: [.init(learningRate: 1e-3, score: scores.first), .init(learningRate: 1e-2, score: nil)],
            scores: scores)
    }

    @Test("Files and folders are tasks; what is in a task's file wins over what lies beside it")
    func discovery() throws {
        let folder = try TemporaryFolder()
        for name in [
            "a/train.jsonl.zst", "a/dev.jsonl", "b/train.csv", "b/other.csv", "b/test.csv", "b/dev.csv",
            "notes/readme.txt",
        ] {
            try folder.write("", to: name)
        }
        try folder.write("test: other.csv\nvalidation: null\ntraining: {epochs: 7}\n", to: "b/task.yaml")
        try folder.write("train: a/train.jsonl.zst\nkind: number\n", to: "c.yaml")
        let tasks = try SuiteTask.tasks(in: folder.path, settings: ["training.batch_size=5"])
        func plain(_ path: String) -> String { (path as NSString).standardizingPath }
        #expect(tasks.map(\.name) == ["a", "b", "c"])
        #expect(
            tasks.map { plain($0.configuration.task.train) }
                == ["a/train.jsonl.zst", "b/train.csv", "a/train.jsonl.zst"].map { plain(folder($0)) })
        #expect(tasks.map { $0.configuration.task.validation.map(plain) } == [plain(folder("a/dev.jsonl")), nil, nil])
        #expect(tasks.map { $0.configuration.task.test.map(plain) } == [nil, plain(folder("b/other.csv")), nil])
        #expect(tasks.map(\.configuration.training.epochs) == [3, 7, 3])
        #expect(tasks.allSatisfy { $0.configuration.training.batchSize == 5 })
        #expect(tasks[2].configuration.task.kind == .number)

        func problem() throws -> String {
            "\(try #require(#expect(throws: TaskError.self) { _ = try SuiteTask.tasks(in: folder.path, settings: []) }))"
        }
        try folder.write("", to: "a/train.tsv")
        #expect(try problem().contains("train.jsonl.zst and train.tsv; name one of them as train in task.yaml"))
        try FileManager.default.removeItem(atPath: folder("a/train.tsv"))
        try folder.write("train: a/train.jsonl.zst\n", to: "b.yaml")
        #expect(try problem().contains("two tasks named b"))
        let nothing = #expect(throws: TaskError.self) {
            _ = try SuiteTask.tasks(in: folder("notes"), settings: [])
        }
        #expect("\(try #require(nothing))".contains("holds no tasks"))
    }

    @Test("All texts of all tasks are read before anything is trained") func checks() throws {
        let texts = try WeatherTexts()
        var odd = texts.configuration
        odd.task.test = try texts.folder.write("{\"text\": \"a\", \"label\": \"dull\"}", to: "odd.jsonl")
        let tasks = [
            SuiteTask(name: "a", configuration: texts.configuration), SuiteTask(name: "b", configuration: odd),
        ]
        let error = #expect(throws: TaskError.self) {
            _ = try FineTuning.Suite(
                try SuiteStart.starts([texts.pretrained], comparingWithScratch: true), tasks: tasks, minimalPairs: nil,
                options: .init(seeds: 1, learningRates: [], threads: 1), folder: texts.folder("checked"),
                progress: ProgressLine(quiet: true), note: { _ in }
            ).run()
        }
        #expect("\(try #require(error))".contains("odd.jsonl:1: the label dull is none of fair, foul"))
        #expect(!texts.folder.exists("checked/a"))
        // So is what a model cannot do.
        var deep = texts.configuration
        deep.training.frozenLayers = 9
        #expect(throws: InvalidSetting.self) {
            _ = try FineTuning.Suite(
                try SuiteStart.starts([texts.pretrained], comparingWithScratch: true),
                tasks: [tasks[0], SuiteTask(name: "b", configuration: deep)], minimalPairs: nil,
                options: .init(seeds: 1, learningRates: [], threads: 1), folder: texts.folder("checked"),
                progress: ProgressLine(quiet: true), note: { _ in }
            ).run()
        }
        #expect(!texts.folder.exists("checked/a"))
    }

    @Test("A task's own learning rate is not written over by the usual ones") func ownRates() throws {
        let texts = try WeatherTexts()
        for (name, rate) in [("own", "training: {peak_learning_rate: 5e-3}"), ("usual", "training: {epochs: 1}")] {
            try texts.folder.write("train: \(texts.configuration.task.train)\n\(rate)\n", to: "rated/\(name).yaml")
        }
        let tasks = try SuiteTask.tasks(in: texts.folder("rated"), settings: [])
        #expect(tasks.map(\.namesLearningRate) == [true, false])
        let options = FineTuning.Suite.Options(
            seeds: 1, learningRates: [], usualLearningRates: [1e-4, 1e-3], threads: 1)
        #expect(tasks.map(options.rates) == [[5e-3], [1e-4, 1e-3]])
        let asked = FineTuning.Suite.Options(seeds: 1, learningRates: [2e-3], threads: 1)
        #expect(tasks.map(asked.rates) == [[2e-3], [2e-3]])
        #expect(
            try SuiteTask.tasks(in: texts.folder("rated"), settings: ["training.peak_learning_rate=1e-3"])
                .allSatisfy(\.namesLearningRate))
    }

    @Test("A best rate at the edge of those that were tried is told") func edges() throws {
        func cell(_ best: Double) -> SuiteReport.Cell {
            .init(
                task: "one", start: "good", metric: "accuracy", isTest: true, learningRate: best,
                trials: [0.001, 0.002, 0.004].map { .init(learningRate: $0, score: $0 == best ? 1 : 0.5) }, scores: [1])
        }
        for (rate, isTold) in [(0.001, true), (0.002, false), (0.004, true)] {
            let report = SuiteReport(starts: [start("good")], cells: [cell(rate)])
            #expect(report.cells[0].isRateAtEdge == isTold)
            #expect(report.explanation.contains("at the edge") == isTold)
        }
    }

    @Test("What is true of all models of a task is told once") func notes() throws {
        func cell(_ task: String, _ start: String, cut: Int) -> SuiteReport.Cell {
            .init(
                task: task, start: start, metric: "accuracy", isTest: true, learningRate: 0.002,
                trials: [0.001, 0.002].map { .init(learningRate: $0, score: $0) }, scores: [1], truncated: cut, texts: 9
            )
        }
        let report = SuiteReport(
            starts: ["a", "b", "c"].map { start($0) },
            cells: [
                cell("one", "a", cut: 3), cell("one", "b", cut: 3), cell("one", "c", cut: 3), cell("two", "a", cut: 4),
                cell("two", "b", cut: 0), cell("two", "c", cut: 4),
            ])
        let text = report.explanation
        #expect(text.contains("one: 3 of 9 texts were cut to the model's length. two, a, c: 4 of 9 texts were cut"))
        #expect(text.contains("others may be better (--rates): one: 0.002; two: 0.002."))
    }

    @Test("Models that differ by their pretraining's seed alone are a recipe, with a deviation of its own")
    func recipes() throws {
        func start(_ name: String, _ recipe: String?) -> SuiteReport.Start {
            .init(
                start: SuiteStart(name: name, path: name, isFromScratch: false, recipe: recipe),
                minimalPairs: .init(language: SeedSpread([name == "x-1" ? 0.5 : 0.6])))
        }
        let report = SuiteReport(
            starts: [start("x-0", "x"), start("x-1", "x"), start("alone", nil)],
            cells: [
                cell("one", "x-0", [0.8, 0.9]), cell("one", "x-1", [0.6, 0.7]), cell("one", "alone", [0.1, 0.2]),
                cell("two", "x-0", [0.4]), cell("two", "x-1", []), cell("two", "alone", [0.1]),
            ])
        let table = try #require(report.recipeTable)
        #expect(table.header == ["recipe", "models", "one", "two", "pairs, language model"])
        // Means of 0.85 and 0.65; one model diverged on the second task.
        #expect(
            table.rows == [["x", "2", "0.7500 ± 0.1414", "0.4000 (1 diverged)", "0.5500 ± 0.0707"]])
        #expect(report.recipes?.map(\.models) == [["x-0", "x-1"]])
        #expect(report.markdown.contains("| x | 2 | 0.7500 ± 0.1414 |"))
        let read = try JSONDecoder().decode(SuiteReport.self, from: try JSONEncoder().encode(report))
        #expect(read == report)
        #expect(SuiteReport(starts: [start("alone", nil)], cells: []).recipeTable == nil)
    }

    @Test("A recipe is what was made alike but for the seed") func sameRecipe() throws {
        let texts = try WeatherTexts { $0.training.checkpointEvery = 1 }
        let reader = try CheckpointReader(newestOf: texts.pretrained)
        func made(_ name: String, _ change: (inout RunConfiguration) -> Void) throws -> String {
            var configuration = try TrainingCheckpoint.configuration(reader)
            change(&configuration)
            _ = try Run(
                configuration, output: texts.folder(name), resume: .automatic, threads: 1,
                progress: ProgressLine(quiet: true), report: { _ in }
            ).start()
            return texts.folder(name)
        }
        let other = try made("weather-1") { $0.training.seed = 1 }
        let third = try made("weather-2") { $0.training.seed = 2 }
        let longer = try made("longer") { ($0.training.seed, $0.training.steps) = (3, 3) }
        let again = try made("again") { $0.training.steps = 3 }
        func recipes(_ paths: String...) throws -> [String?] {
            try SuiteStart.starts(paths, comparingWithScratch: false).map(\.recipe)
        }
        #expect(
            try recipes(other, texts.pretrained, third, longer, again) == [
                "weather-1 and others", "weather-1 and others", "weather-1 and others", "longer and others",
                "longer and others",
            ])
        #expect(try recipes(longer, third, other) == [nil, "weather", "weather"])
        #expect(try recipes(texts.pretrained) == [nil])
        // One that was cut off is none of them.
        let cut = try made("cut") { $0.training.seed = 4 }
        #expect(try recipes(other, third, cut + "/checkpoints/step-00000001") == ["weather", "weather", nil])
    }

    @Test("One mark for what is better than random weights beyond chance, another for what is worse")
    func table() throws {
        let report = SuiteReport(
            starts: [
                start("good", baseline: "scratch"), start("same", baseline: "scratch"),
                start("bad", baseline: "scratch"), start("scratch"),
            ],
            cells: [
                cell("one", "good", [0.9, 0.91, 0.92]), cell("one", "same", [0.79, 0.81, 0.83]),
                cell("one", "bad", [0.68, 0.7, 0.72]), cell("one", "scratch", [0.78, 0.8, 0.82]),
                cell("two", "good", [0.5], isTest: false), cell("two", "same", [], isTest: false),
                cell("two", "bad", [0.3], isTest: false), cell("two", "scratch", [0.4], isTest: false),
            ])
        #expect(
            report.cells.map(\.againstRandomWeights) == [.better, .alike, .worse, nil, nil, nil, nil, nil])
        #expect(report.table.header == ["model", "one (accuracy)", "two (accuracy, validation)", "mean"])
        #expect(
            report.table.rows == [
                ["good", "0.9100 ± 0.0100 *", "0.5000", "0.7050"], ["same", "0.8100 ± 0.0200", "diverged", "–"],
                ["bad", "0.7000 ± 0.0200 ↓", "0.3000", "0.5000"], ["scratch", "0.8000 ± 0.0200", "0.4000", "0.6000"],
            ])
        #expect(report.markdown.contains("- one, good: 0.001: 0.9000, 0.01: diverged\n"))
        #expect(report.ratesFigure.charts.map(\.title) == ["one", "two"])
        #expect(report.ratesFigure.charts[0].series.map { $0.points.count } == [1, 1, 1, 1])
        #expect(report.ratesFigure.charts[0].y.label == "accuracy")
        var odd = cell("one", "good", [0.5])
        odd.trialMetric = "reciprocal_rank"
        #expect(SuiteReport(starts: [start("good")], cells: [odd]).ratesFigure.charts[0].y.label == "reciprocal rank")
        #expect(report.markdown.contains("*: better than random weights") && report.markdown.contains("↓: worse"))
        let json = String(decoding: try JSONEncoder().encode(report.cells[2]), as: UTF8.self)
        #expect(json.contains("\"againstRandomWeights\":\"worse\""))
    }

    @Test("The best rate on validation texts gets all seeds; random weights stand beside; nothing is done twice")
    func runs() throws {
        let texts = try WeatherTexts()
        let tasks = [SuiteTask(name: "weather", configuration: texts.configuration)]
        // A copy has the same shape and tokenizer: one start from random weights serves both.
        let copy = texts.folder("others/pretrained")
        try FileManager.default.createDirectory(
            atPath: texts.folder("others"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: texts.pretrained, toPath: copy)
        let all = try SuiteStart.starts([texts.pretrained, copy], comparingWithScratch: true)
        #expect(all.map(\.isFromScratch) == [false, false, true])
        #expect(all[1].name == "others_pretrained" && all[0].baseline == all[2].name && all[1].baseline == all[2].name)
        #expect(throws: TaskError.self) {
            _ = try SuiteStart.starts([copy, copy + "/"], comparingWithScratch: true)
        }
        // The same encoder, of a run with another generator and other heads.
        let other = try WeatherTexts {
            $0.model.generator.layerCount = 1
            $0.model.initialization.zeroDetectionOutput = true
        }
        let both = try SuiteStart.starts([texts.pretrained, other.pretrained], comparingWithScratch: true)
        #expect(both.count { $0.isFromScratch } == 1)
        // Random weights of a model do not share a folder with a model that is called like them.
        let scratch = texts.folder("others/scratch-pretrained")
        try FileManager.default.copyItem(atPath: texts.pretrained, toPath: scratch)
        #expect(
            try SuiteStart.starts([texts.pretrained, scratch], comparingWithScratch: true).map(\.name)
                == ["pretrained", "scratch-pretrained", "scratch-scratch-pretrained"])

        try texts.folder.write(
            "{\"sentence_good\": \"the day was warm\", \"sentence_bad\": \"warm the was day\"}", to: "pairs.jsonl")
        let pairs = try MinimalPairs(path: texts.folder("pairs.jsonl"))
        let starts = try SuiteStart.starts([texts.pretrained], comparingWithScratch: true)
        func run() throws -> SuiteReport {
            try FineTuning.Suite(
                starts, tasks: tasks, minimalPairs: pairs,
                options: .init(seeds: 2, learningRates: [1e-7, 2e-3], threads: 2), folder: texts.folder("suite"),
                progress: ProgressLine(quiet: true), note: { _ in }
            ).run()
        }
        let report = try run()
        #expect(report.cells.map(\.start) == ["pretrained", "scratch-pretrained"])
        // Random weights know nothing, and are judged in as many draws as there are seeds.
        for network in [\SuiteReport.PairScores.language, \.detection] {
            #expect(report.starts.map { $0.minimalPairs?[keyPath: network]?.count } == [1, 2])
        }
        #expect(report.table.header.suffix(2) == ["pairs, language model", "pairs, detector"])
        #expect(report.explanation.contains("Of minimal pairs random weights get their share too"))
        for cell in report.cells {
            #expect(cell.learningRate == 2e-3 && cell.scores.count == 2 && cell.isTest)
            let scores = cell.trials.compactMap(\.score)
            #expect(scores.count == 2 && scores[0] < scores[1] && scores[1] > 0.9)
        }
        let metrics = "suite/weather/pretrained/rate-0.002/seed-1/metrics.jsonl"
        let lines = try texts.folder.text(metrics)
        #expect(!texts.folder.exists("suite/weather/pretrained/rate-1e-07/seed-1"))
        let stored = try texts.folder.text("suite/results.json")
        #expect(texts.folder.exists("suite/minimal-pairs/scratch-pretrained.json"))
        #expect(try run() == report)
        #expect(try texts.folder.text(metrics) == lines && texts.folder.text("suite/results.json") == stored)
        #expect(texts.folder.exists("suite/results.md") && texts.folder.exists("suite/rates.svg"))
    }
}
