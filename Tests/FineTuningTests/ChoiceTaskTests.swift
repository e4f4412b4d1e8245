import FineTuning
import Foundation
import Runs
import TestSupport
import Testing

@Suite("Fine-tuning: one of several choices")
struct ChoiceTaskTests {
    @Test("Lists, columns, names, and what is wrong with them")
    func reading() throws {
        let folder = try TemporaryFolder()
        func read(_ name: String, _ text: String, _ change: (inout TaskConfiguration) -> Void = { _ in }) throws
            -> [TaskRow]
        {
            var task = TaskConfiguration()
            task.kind = .choice
            change(&task)
            return try TaskTable.read(try folder.write(text, to: name), .init(task))
        }
        let rows = try read("a.jsonl", "{\"context\": \"c\", \"choices\": [\"x\", \"y, z\"], \"label\": 1}")
        #expect(rows[0].choices == ["x", "y, z"] && rows[0].label == "1" && rows[0].text == "c")
        let columns = try read("a.csv", "context,a,b,label\nc,x,y,B\n") { $0.choiceFields = ["a", "b"] }
        #expect(columns[0].choices == ["x", "y"] && columns[0].label == "B")
        let start = "{\"context\": \"c\", \"label\": 0, "
        for (line, expected) in [
            (start + "\"a\": 1}", "a.jsonl:1: has no choices choices; there are a, context, label (set choices_field)"),
            (start + "\"choices\": [\"x\"]}", "has 1 choices, of which there have to be two"),
            (start + "\"choices\": [\"x\", \" \"]}", "choices holds an empty entry"),
            (start + "\"choices\": \"x\"}", "choices is no list"),
            ("{\"context\": \"\", \"choices\": [\"x\", \"y\"], \"label\": 0}", "has an empty context"),
            ("{\"context\": \"c\", \"choices\": [\"x\", \"y\"]}", "has no label label"),
        ] {
            let error = #expect(throws: TaskError.self) { _ = try read("a.jsonl", line) }
            #expect("\(try #require(error))".contains(expected), "\(line)")
        }
        #expect(throws: TaskError.self) {
            _ = try read("a.csv", "context,a,b,label\nc,x,,B\n") { $0.choiceFields = ["a", "b"] }
        }
    }

    @Test("A run learns to choose; a label behind the last choice is refused")
    func learns() throws {
        let texts = try WeatherTexts()
        var configuration = try texts.configuration(of: .choice)
        // Less than the choices of a row have together.
        configuration.training.chunkTokens = 16
        func run(_ name: String) throws -> FineTuningRun.Result {
            let run = FineTuningRun(
                configuration, pretrained: texts.pretrained, isFromScratch: false, output: texts.folder(name),
                threads: 2, progress: ProgressLine(quiet: true), report: { _ in })
            return try #require(try run.start().result)
        }
        let test = try #require(try run("chosen").test)
        #expect(try #require(test.accuracy) > 0.9)
        let model = try FineTunedModel(path: texts.folder("chosen"), threads: 1)
        let rows = try TaskTable.read(texts.folder("choice/test.jsonl"), .init(configuration.task))
        let predictions = try model.predict(rows).predictions
        let right = zip(rows, predictions).count { $0.label == $1.label }
        #expect(Double(right) / Double(rows.count) == test.accuracy)
        for (row, prediction) in zip(rows, predictions) {
            let probabilities = try #require(prediction.probabilities)
            #expect(abs(probabilities.values.reduce(0, +) - 1) < 1e-9 && probabilities.count == row.choices?.count)
        }
        // As many choices as anybody likes, whatever was trained on.
        var many = rows[0]
        many.choices = (0..<40).map { "cold grey \($0)" } + ["sunny warm"]
        #expect(try model.predict([many]).predictions[0].probabilities?.count == 41)
        // Labels that are counted from 1 are also places that are counted from 0.
        configuration.task.labels = ["1", "2"]
        let files = ["train", "dev", "test"].map { "choice/\($0).jsonl" }
        let before = try files.map { try texts.folder.text($0) }
        for (file, text) in zip(files, before) {
            let counted = [("1", "2"), ("0", "1")].reduce(text) { text, change in
                text.replacingOccurrences(
                    of: #""label"\s*:\s*\#(change.0)"#, with: #""label": \#(change.1)"#, options: .regularExpression)
            }
            try texts.folder.write(counted, to: file)
        }
        _ = try run("counted")
        for (file, text) in zip(files, before) { try texts.folder.write(text, to: file) }
        let counted = try FineTunedModel(path: texts.folder("counted"), threads: 1)
        let names = try counted.predict([many]).predictions[0].probabilities?.keys.sorted() ?? []
        #expect(names.count == 41 && names.contains("choice 3") && names.contains("2"))
        configuration.task.labels = []

        // More choices than any row that is trained on has, and one of these is right.
        let more = ["cold grey", "cold", "grey", "sunny warm"].map { "\"\($0)\"" }.joined(separator: ", ")
        let tests = try texts.folder.text("choice/test.jsonl")
        try texts.folder.write(
            "{\"context\": \"the day was\", \"choices\": [\(more)], \"label\": 3}\n" + tests, to: "choice/test.jsonl")
        configuration.training.epochs = 1
        #expect(try run("more").test?.texts == rows.count + 1)

        try texts.folder.write(
            "{\"context\": \"c\", \"choices\": [\"x\", \"y\"], \"label\": 2}\n"
                + texts.folder.text("choice/dev.jsonl"), to: "choice/dev.jsonl")
        let error = #expect(throws: TaskError.self) { _ = try run("refused") }
        #expect("\(try #require(error))".contains("dev.jsonl:1: the label 2 is number 3 of 2 choices"))
    }
}
