import FineTuning
import Foundation
import Runs
import TestSupport
import Testing

@Suite("Fine-tuning: any number of labels")
struct LabelsTaskTests {
    @Test("Lists, separated columns, and what is wrong with them")
    func reading() throws {
        let folder = try TemporaryFolder()
        func read(_ name: String, _ text: String, separator: String = ",", needsLabel: Bool = true) throws
            -> [[String]?]
        {
            var task = TaskConfiguration()
            task.kind = .labels
            task.labelSeparator = separator
            return try TaskTable.read(try folder.write(text, to: name), .init(task, needsLabel: needsLabel)).map(
                \.labels)
        }
        func problem(_ name: String, _ text: String) -> String {
            "\(#expect(throws: TaskError.self) { _ = try read(name, text) } as Any)"
        }
        #expect(
            try read(
                "a.jsonl",
                """
                {"text": "a", "labels": ["x", 2]}
                {"text": "a", "labels": []}
                {"text": "a", "labels": "x, y z"}
                {"text": "a", "labels": ""}
                """) == [["x", "2"], [], ["x", "y z"], []])
        #expect(try read("a.tsv", "text\tlabels\na\tx|y\nb\t\n", separator: "|") == [["x", "y"], []])
        #expect(try read("a.csv", "text,labels\na,\"x,y\"\nb,\n") == [["x", "y"], []])
        #expect(try read("b.csv", "text\na\n", needsLabel: false) == [nil])
        #expect(problem("a.jsonl", "{\"text\": \"a\"}").contains("a.jsonl:1: has no label labels; there are text"))
        #expect(problem("a.csv", "text,label\na,x\n").contains("has no label labels; there are text, label"))
        #expect(problem("a.jsonl", "{\"text\": \"a\", \"labels\": [[]]}").contains("neither a text nor a number"))
        #expect(problem("a.jsonl", "{\"text\": \"a\", \"labels\": [\"x\", \"x\"]}").contains("holds x twice"))
        #expect(problem("a.jsonl", "{\"text\": \"a\", \"labels\": \"x,,y\"}").contains("holds an empty entry"))
        #expect(problem("a.jsonl", "{\"text\": \" \", \"labels\": []}").contains("has an empty text"))
    }

    @Test("Names are found; fractions, no labels at all and strange settings are refused")
    func names() throws {
        func rows(_ labels: [[String]]) -> [TaskRow] {
            labels.enumerated().map { .init(text: "t", labels: $1, line: $0 + 1) }
        }
        var task = TaskConfiguration()
        task.kind = .labels
        task.train = "f"
        #expect(
            try TaskLabels(task, of: rows([["b", "10"], [], ["9", "a"]]), path: "f").names == ["9", "10", "a", "b"])
        #expect(throws: TaskError.file(path: "f", "has no labels, with which there is nothing to learn")) {
            _ = try TaskLabels(task, of: rows([[], []]), path: "f")
        }
        #expect(throws: TaskError.self) { _ = try TaskLabels(task, of: rows([["0.5"]]), path: "f") }
        task.metric = .accuracy
        let error = #expect(throws: (any Error).self) { try task.validate() }
        #expect("\(try #require(error))".contains("metric: accuracy is for kind: classes"))
    }

    @Test("A run learns them, and predicts what it was judged by")
    func learns() throws {
        let texts = try WeatherTexts()
        let configuration = try texts.configuration(of: .labels)
        let run = FineTuningRun(
            configuration, pretrained: texts.pretrained, isFromScratch: false, output: texts.folder("labels-run"),
            threads: 2, progress: ProgressLine(quiet: true), report: { _ in })
        let result = try #require(try run.start().result)
        let test = try #require(result.test)
        #expect(try #require(test.microF1) > 0.85, "\(test)")
        let model = try FineTunedModel(path: texts.folder("labels-run"), threads: 1)
        #expect(model.labels == ["cold", "sunny", "warm"])
        let rows = try TaskTable.read(texts.folder("labels/test.jsonl"), .init(configuration.task))
        let predictions = try model.predict(rows).predictions
        let right = zip(rows, predictions).count { Set($0.labels ?? []) == Set($1.labels ?? ["none"]) }
        #expect(Double(right) / Double(rows.count) == test.subsetAccuracy)
        for prediction in predictions {
            let likely = prediction.probabilities?.filter { $0.value > 0.5 }.keys.sorted()
            #expect(likely == prediction.labels?.sorted() && prediction.label == nil)
        }
    }
}
