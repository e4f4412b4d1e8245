import FineTuning
import Foundation
import Runs
import TestSupport
import Testing

@Suite("Fine-tuning: a label for every word")
struct TokensTaskTests {
    private static var task: TaskConfiguration {
        var task = TaskConfiguration()
        task.kind = .tokens
        task.train = "f"
        return task
    }

    @Test("Words or spans, and what is wrong with them")
    func reading() throws {
        let folder = try TemporaryFolder()
        func read(_ name: String, _ text: String) throws -> [TaskRow] {
            try TaskTable.read(try folder.write(text, to: name), .init(Self.task))
        }
        func problem(_ text: String) throws -> String {
            "\(try #require(#expect(throws: TaskError.self) { _ = try read("a.jsonl", text) }))"
        }
        let rows = try read(
            "a.jsonl",
            """
            {"words": ["It", "rains"], "labels": ["O", "B-X"]}
            {"text": "Été in Köln", "spans": [{"start": 7, "end": 11, "label": "LOC"}]}
            """)
        #expect(rows[0].words == ["It", "rains"] && rows[0].labels == ["O", "B-X"])
        #expect(rows[1].text == "Été in Köln" && rows[1].spans == [.init(start: 7, end: 11, label: "LOC")])
        #expect(try TaskLabels(Self.task, of: rows, path: "f").names == ["B-LOC", "B-X", "I-LOC", "O"])
        var listed = Self.task
        for (labels, names) in [
            (["LOC", "X"], ["O", "B-LOC", "I-LOC", "B-X", "I-X"]), (["B-LOC", "I-LOC", "O"], ["B-LOC", "I-LOC", "O"]),
        ] {
            listed.labels = labels
            #expect(try TaskLabels(listed, of: rows, path: "f").names == names)
        }
        #expect(try read("a.tsv", "words\tlabels\nIt rains\tO B-X\n")[0].labels == ["O", "B-X"])
        let start = "{\"text\": \"abc\", \"spans\": [{"
        for (text, expected) in [
            ("{\"words\": [\"a\"], \"labels\": [\"O\", \"O\"]}", "a.jsonl:1: has 1 words and 2 labels"),
            ("{\"words\": [\"a\"]}", "has no label labels"),
            ("{\"words\": [], \"labels\": []}", "has no words in words"),
            ("{\"words\": [\"a\", \" \"], \"labels\": [\"O\", \"O\"]}", "words holds an empty entry"),
            ("{\"other\": 1}", "has neither words words nor a text text; there are other"),
            ("{\"text\": \"abc\"}", "has no spans spans"), ("{\"text\": \" \", \"spans\": []}", "has an empty text"),
            (
                start + "\"start\": 1, \"end\": 4, \"label\": \"X\"}]}",
                "from 1 to 4 is empty or outside the text, which has 3"
            ),
            (start + "\"start\": 1, \"end\": 1, \"label\": \"X\"}]}", "from 1 to 1 is empty"),
            (start + "\"start\": 0.5, \"end\": 1, \"label\": \"X\"}]}", "whose start is no whole number"),
            (start + "\"start\": 0, \"end\": 1}]}", "a span without a label"),
            (
                start + "\"start\": 0, \"end\": 2, \"label\": \"X\"}, {\"start\": 1, \"end\": 3, \"label\": \"X\"}]}",
                "from 0 to 2 and from 1 to 3 overlap"
            ),
        ] {
            let problem = try problem(text)
            #expect(problem.contains(expected))
        }
    }

    @Test("Labels that are none of entities need another metric; one label is nothing to learn")
    func labels() throws {
        let rows = [TaskRow(text: "a b", labels: ["NOUN", "VERB"], line: 1)]
        #expect(
            "\(#expect(throws: TaskError.self) { _ = try TaskLabels(Self.task, of: rows, path: "f") } as Any)"
                .contains("the label NOUN, which is none of entities"))
        var task = Self.task
        task.metric = .accuracy
        #expect(try TaskLabels(task, of: rows, path: "f").names == ["NOUN", "VERB"])
        #expect(throws: TaskError.self) {
            _ = try TaskLabels(task, of: [TaskRow(text: "a", labels: ["O"], line: 1)], path: "f")
        }
    }

    private func run(
        _ texts: WeatherTexts, _ configuration: FineTuningConfiguration, _ name: String,
        note: @escaping (String) -> Void = { _ in }
    ) throws -> FineTuningRun.Result {
        let run = FineTuningRun(
            configuration, pretrained: texts.pretrained, isFromScratch: false, output: texts.folder(name), threads: 2,
            progress: ProgressLine(quiet: true)
        ) { if case .note(let text) = $0 { note(text) } }
        return try #require(try run.start().result)
    }

    @Test("A run learns them; long texts are labelled to their end; what is cut in training is told")
    func learns() throws {
        let texts = try WeatherTexts()
        var configuration = try texts.configuration(of: .tokens)
        // So short that most texts are cut.
        configuration.training.maximumLength = 7
        configuration.training.longTexts = .stride
        let result = try run(texts, configuration, "stride")
        let test = try #require(result.test)
        #expect(try #require(test.entityF1) > 0.9 && #require(test.accuracy) > 0.9, "\(test)")
        #expect(result.truncated == 0 && result.lost == nil)
        // Nothing of what it was judged by was cut.
        let model = try FineTunedModel(path: texts.folder("stride"), threads: 1)
        let rows = try TaskTable.read(texts.folder("tokens/test.jsonl"), .init(configuration.task))
        let predictions = try model.predict(rows).predictions.map { $0.labels ?? [] }
        let loss = try #require(test.loss)
        let scores = TaskScores(loss: loss, predicted: predictions, labels: rows.map { $0.labels ?? [] })
        #expect(scores == test)

        var notes: [String] = []
        configuration.training.longTexts = .truncate
        configuration.training.epochs = 1
        let cut = try run(texts, configuration, "cut") { notes.append($0) }
        let lost = try #require(cut.lost)
        #expect(lost.words > 50 && lost.labels > 10 && lost.labels < lost.words && cut.truncated > 50)
        #expect(notes.contains { $0.contains("\(lost.words) words of training texts were cut") })
        #expect(lost.cutWords == lost.words && notes.contains { $0.hasSuffix("long_texts: stride keeps what was cut") })
        #expect(try texts.folder.text("cut/result.json").contains("\"labels\" : \(lost.labels)"))
        // Cut to the same windows or not, it is judged on all words.
        #expect(cut.test?.texts == test.texts)
    }

    @Test("Windows are advised where words were cut, not where they are no token")
    func advice() {
        var lost = LostInputs()
        lost.words = 3
        #expect(lost.notes.count == 1 && !lost.notes[0].contains("stride"))
        lost.cutWords = 2
        #expect(lost.notes[0].contains("stride keeps what was cut"))
    }

    @Test("Spans come back as they were given, by characters; those beside words are counted")
    func spans() throws {
        let texts = try WeatherTexts()
        var configuration = try texts.configuration(of: .tokens)
        for name in ["train", "dev"] {
            let lines = try texts.folder.text("\(name).jsonl").split(separator: "\n").map { line in
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
                // Characters of several bytes before the spans.
                let text = "🙂 é " + (object?["text"] ?? "")
                let words = text.split(separator: " ")
                var (start, spans): (Int, [[String: Any]]) = (0, [])
                for word in words {
                    let end = start + word.unicodeScalars.count
                    if WeatherTexts.words[1].contains(String(word)) {
                        spans.append(["start": start, "end": end, "label": "FOUL"])
                    }
                    start = end + 1
                }
                return String(
                    decoding: try JSONSerialization.data(withJSONObject: ["text": text, "spans": spans]), as: UTF8.self)
            }
            try texts.folder.write(lines.joined(separator: "\n"), to: "spans/\(name).jsonl")
        }
        configuration.task.train = texts.folder("spans/train.jsonl")
        configuration.task.validation = texts.folder("spans/dev.jsonl")
        configuration.task.test = nil
        let result = try run(texts, configuration, "spans-run")
        #expect(try #require(result.validation.entityF1) > 0.95 && result.lost == nil, "\(result)")
        let model = try FineTunedModel(path: texts.folder("spans-run"), threads: 1)
        let prediction = try model.predict([.init(text: "🙂 the day was cold", line: 1)]).predictions[0]
        let span = try #require(prediction.spans?.first)
        #expect(prediction.spans?.count == 1)
        #expect((0.3...1).contains(span.probability ?? 0))
        #expect(span == .init(start: 14, end: 18, label: "FOUL", text: "cold", probability: span.probability))

        var crooked = try texts.folder.text("spans/train.jsonl").split(separator: "\n")
        crooked[0] = "{\"text\": \"so cold\", \"spans\": [{\"start\": 4, \"end\": 6, \"label\": \"FOUL\"}]}"
        try texts.folder.write(crooked.joined(separator: "\n"), to: "spans/train.jsonl")
        configuration.training.epochs = 1
        #expect(try run(texts, configuration, "crooked").lost?.misaligned == 1)
    }
}
