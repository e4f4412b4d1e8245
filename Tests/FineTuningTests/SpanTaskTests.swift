import FineTuning
import Foundation
import Runs
import TestSupport
import Testing

@Suite("Fine-tuning: answers in a context")
struct SpanTaskTests {
    private struct Case: Decodable {
        var answer: String
        var truths: [String]
        var exactMatch: Double
        var tokenF1: Double
    }

    @Test("Exact match and F1 agree with SQuAD's script")
    func scores() throws {
        let cases = try fixture("answers", [Case].self)
        #expect(cases.count == 66)
        for expected in cases {
            let own = AnswerScores.scores(expected.answer, expected.truths)
            #expect(own.exactMatch == expected.exactMatch, "\(expected)")
            #expect(abs(own.f1 - expected.tokenF1) < 1e-12, "\(expected)")
        }
        #expect(Set(cases.map(\.exactMatch)) == [0, 1] && cases.contains { (0.1..<0.9).contains($0.tokenF1) })
    }

    @Test("Answers as lists of objects or objects of lists, and what is wrong with them")
    func reading() throws {
        let folder = try TemporaryFolder()
        var task = TaskConfiguration()
        task.kind = .span
        func read(_ name: String, _ text: String, needsLabel: Bool = true) throws -> [TaskRow] {
            try TaskTable.read(try folder.write(text, to: name), .init(task, needsLabel: needsLabel))
        }
        let start = "{\"question\": \"who?\", \"context\": \"Été is here\""
        let rows = try read(
            "a.jsonl",
            """
            \(start), "answers": [{"text": "is", "start": 4}, {"text": "here", "answer_start": 7}]}
            \(start), "answers": {"text": ["Été"], "answer_start": [0]}}
            \(start), "answers": []}
            \(start), "answers": {"text": [], "answer_start": []}}
            """)
        #expect(rows.map { $0.answers?.map(\.start) } == [[4, 7], [0], [], []])
        #expect(rows[0].text == "who?" && rows[0].pair == "Été is here")
        #expect(try TaskLabels(task, of: rows, path: "f").names == ["answer", "no answer"])
        #expect(try TaskLabels(task, of: [rows[0]], path: "f").names == ["answer"])
        #expect(throws: TaskError.self) { _ = try TaskLabels(task, of: [rows[2]], path: "f") }
        #expect(try read("a.tsv", "question\tcontext\na\tb\n", needsLabel: false)[0].pair == "b")
        for (line, expected) in [
            (start + "}", "a.jsonl:1: has no label answers"), ("{\"context\": \"a\"}", "has no question question"),
            ("{\"question\": \"a\"}", "has no context context"),
            ("{\"question\": \" \", \"context\": \"a\"}", "has an empty question"),
            (
                start + ", \"answers\": [{\"text\": \"here\", \"start\": 6}]}",
                "the answer here does not stand at 6 of the context, but  her"
            ),
            (
                start + ", \"answers\": [{\"text\": \"here\", \"start\": 8}]}",
                "at 8 is outside the context, which has 11"
            ),
            (start + ", \"answers\": [{\"text\": \"here\"}]}", "whose answer_start is no whole number"),
            (start + ", \"answers\": [{\"text\": \"\", \"start\": 0}]}", "an answer without a text"),
            (start + ", \"answers\": \"here\"}", "answers is no list"),
            (start + ", \"answers\": {\"text\": [\"Été\"], \"answer_start\": []}}", "of the same length"),
        ] {
            let error = #expect(throws: TaskError.self) { _ = try read("a.jsonl", line) }
            #expect("\(try #require(error))".contains(expected), "\(line)")
        }
        #expect(throws: TaskError.self) { _ = try read("a.tsv", "question\tcontext\tanswers\na\tb\tb\n") }
    }

    @Test("A run finds answers, in windows too, and says where there is none")
    func learns() throws {
        let texts = try WeatherTexts()
        var configuration = try texts.configuration(of: .span)
        configuration.training.epochs = 12
        // So short that most contexts need windows.
        configuration.training.maximumLength = 13
        func run(_ name: String) throws -> FineTuningRun.Result {
            let run = FineTuningRun(
                configuration, pretrained: texts.pretrained, isFromScratch: false, output: texts.folder(name),
                threads: 2, progress: ProgressLine(quiet: true), report: { _ in })
            return try #require(try run.start().result)
        }
        let result = try run("asked")
        let test = try #require(result.test)
        #expect(try #require(test.exactMatch) > 0.9 && #require(test.tokenF1) > 0.9, "\(result)")
        #expect(result.lost == nil && result.truncated == 0)
        let model = try FineTunedModel(path: texts.folder("asked"), threads: 1)
        let rows = try TaskTable.read(texts.folder("span/test.jsonl"), .init(configuration.task))
        let predictions = try model.predict(rows).predictions
        var right = 0
        for (row, prediction) in zip(rows, predictions) {
            let answer = try #require(prediction.answer)
            if answer == row.answers?.first?.text ?? "" { right += 1 }
            guard let start = prediction.start else {
                #expect(answer.isEmpty && prediction.score ?? 1 <= 0)
                continue
            }
            let context = Array(try #require(row.pair).unicodeScalars)
            #expect(String(String.UnicodeScalarView(context[start..<start + answer.unicodeScalars.count])) == answer)
        }
        #expect(Double(right) / Double(rows.count) == test.exactMatch)

        configuration.task.noAnswerThreshold = 1e6
        configuration.training.epochs = 1
        _ = try run("eager")
        let eager = try FineTunedModel(path: texts.folder("eager"), threads: 1)
        #expect(try eager.predict(rows).predictions.allSatisfy { $0.answer?.isEmpty == false })
    }

    @Test("An answer longer than the windows is counted as lost")
    func lost() throws {
        let texts = try WeatherTexts()
        var configuration = try texts.configuration(of: .span)
        let line =
            "{\"question\": \"a\", \"context\": \"the day was the day was the day was cold\", \"answers\": "
            + "[{\"text\": \"the day was the day was the day was cold\", \"start\": 0}]}\n"
        try texts.folder.write(line + texts.folder.text("span/train.jsonl"), to: "span/train.jsonl")
        configuration.training.maximumLength = 12
        configuration.training.epochs = 1
        var notes: [String] = []
        let run = FineTuningRun(
            configuration, pretrained: texts.pretrained, isFromScratch: false, output: texts.folder("lost"), threads: 1,
            progress: ProgressLine(quiet: true)
        ) { if case .note(let text) = $0 { notes.append(text) } }
        #expect(try run.start().result?.lost?.answers == 1)
        #expect(notes.contains { $0.hasPrefix("1 answers of training questions") })
    }
}
