import FineTuning
import Foundation
import TestSupport
import Testing

@Suite("Fine-tuning: files of texts")
struct TaskTableTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func read(_ name: String, _ text: String, _ change: (inout TaskConfiguration) -> Void = { _ in }) throws
        -> [TaskRow]
    {
        var task = TaskConfiguration()
        change(&task)
        return try TaskTable.read(try folder.write(text, to: name), .init(task))
    }

    @Test func jsonLines() throws {
        let rows = try read(
            "a.jsonl",
            """
            {"text": "one \\n two", "label": "yes"}

            {"text": "drei", "text_pair": "vier", "label": 1}
            {"text": "x", "label": 2.5, "other": [1]}
            """)
        #expect(
            rows == [
                .init(text: "one \n two", pair: nil, label: "yes", line: 1),
                .init(text: "drei", pair: "vier", label: "1", line: 3),
                .init(text: "x", pair: nil, label: "2.5", line: 4),
            ])
    }

    @Test func tables() throws {
        let expected: [TaskRow] = [
            .init(text: "one", pair: nil, label: "a", line: 2),
            .init(text: "two, \"three\"", pair: nil, label: "b", line: 3),
        ]
        #expect(
            try read("b.tsv", "label\ttext\r\n1\ta \"quoted\" text\r\n\n0\tx\n")
                == [
                    .init(text: "a \"quoted\" text", label: "1", line: 2), .init(text: "x", label: "0", line: 4),
                ])
        #expect(try read("a.tsv", "text\tlabel\none\ta\ntwo, \"three\"\tb\n").map(\.label) == ["a", "b"])
        #expect(try read("a.csv", "text,label\none,a\n\"two, \"\"three\"\"\",b\n") == expected)
        #expect(
            try read("b.csv", "sentence,other,class\none,two,a\n") {
                $0.textField = "sentence"
                $0.pairField = "other"
                $0.labelField = "class"
            } == [.init(text: "one", pair: "two", label: "a", line: 2)])
    }

    @Test(
        "Rows of comma-separated values know their lines; quotation marks hold commas and line feeds, and are text elsewhere"
    )
    func commas() throws {
        let rows = try read(
            "a.csv", "text , label\n\"two\nlines\",a\n\na 5\" pipe, b \n  \"x\" ,\" c\"\r\n\n\n")
        #expect(
            rows == [
                .init(text: "two\nlines", label: "a", line: 2), .init(text: "a 5\" pipe", label: "b", line: 5),
                .init(text: "x", label: "c", line: 6),
            ])
        #expect(try read("b.csv", "text,label\n\"\"\"\"\"\",a").map(\.text) == ["\"\""])
        func problem(_ text: String) -> String {
            do {
                _ = try read("c.csv", text)
                return ""
            } catch { return "\(error)" }
        }
        #expect(
            problem("text,label\n\"a\nb\",x\nIt rains, again,good\n").contains(
                "c.csv:4: has 3 columns, and the header has 2; put texts with commas in quotation marks"))
        #expect(problem("text,label\na,x\n\"b,y\nc,z\n").contains("c.csv:3: has a quotation mark that is never closed"))
        #expect(problem("text,label\n\"a\" b,x\n").contains("c.csv:2: has text behind the closing quotation mark"))
        #expect(problem("text,label\n,x\n").contains("c.csv:2: has an empty text"))
        #expect(problem("text,label\na,\" \"\n").contains("c.csv:2: has an empty label"))
    }

    @Test("Errors name file, line and what there is")
    func errors() throws {
        func problem(_ name: String, _ text: String) -> String {
            do {
                _ = try read(name, text)
                return ""
            } catch { return "\(error)" }
        }
        #expect(
            problem("a.jsonl", "{\"text\": \"a\", \"label\": 1}\n{\"txt\": \"b\"}").contains(
                "a.jsonl:2: has no text text; there are txt"))
        #expect(problem("a.jsonl", "{\"text\": \"a\"}").contains("has no label label; there are text"))
        #expect(problem("a.jsonl", "[1]").contains("a.jsonl:1: is not a JSON object"))
        #expect(problem("a.jsonl", "{\"text\": \"  \", \"label\": 1}").contains("has an empty text"))
        #expect(problem("a.jsonl", "{\"text\": \"a\", \"label\": \" \"}").contains("has an empty label"))
        #expect(
            problem("a.jsonl", "{\"text\": \"a\", \"text_pair\": \"\", \"label\": 1}").contains("has an empty pair"))
        #expect(problem("a.jsonl", "{\"text\": {}, \"label\": 1}").contains("text is neither a text nor a number"))
        #expect(problem("a.jsonl", "\n").contains("holds no texts"))
        #expect(problem("a.tsv", "text\tlabel\na\t1\tb\n").contains("a.tsv:2: has 3 columns, and the header has 2"))
        #expect(problem("a.doc", "one").contains("is neither .jsonl nor .tsv nor .csv"))
        #expect(problem("a.txt", "\none").contains("a.txt:2: has no label label; there are text"))
        #expect(problem("a.csv", "text,class\na,b\n").contains("has no label label; there are text, class"))
    }

    @Test("What cannot be read says so without settings of a corpus; a column that is not there, how it is named")
    func unreadable() throws {
        func problem(_ path: String, needsLabel: Bool = true) -> String {
            do {
                _ = try TaskTable.read(path, .init(TaskConfiguration(), needsLabel: needsLabel))
                return ""
            } catch { return "\(error)" }
        }
        let missing = problem(folder("none.jsonl"))
        #expect(missing.contains("none.jsonl: cannot be read: No such file or directory"))
        // The start of a gzip file and no more.
        try Data([0x1F, 0x8B, 8, 0]).write(to: URL(fileURLWithPath: folder("torn.jsonl.gz")))
        let torn = problem(folder("torn.jsonl.gz"))
        #expect(torn.contains("torn.jsonl.gz: is damaged") && torn.contains("make or fetch it again"))
        try Data("BZh91AY&SY".utf8).write(to: URL(fileURLWithPath: folder("a.jsonl")))
        let bzip = problem(folder("a.jsonl"))
        #expect(bzip.contains("a.jsonl: cannot be read: it is in bzip2 format"))
        for text in [missing, torn, bzip] { #expect(!text.contains("corpus.") && !text.contains("_files"), "\(text)") }
        try folder.write("sentence,label\na,b\n", to: "a.csv")
        #expect(problem(folder("a.csv")).contains("has no text text; there are sentence, label (set text_field)"))
        #expect(
            problem(folder("a.csv"), needsLabel: false).contains(
                "has no text text; there are sentence, label (name the one to read: --text-field)"))
    }

    @Test("Of texts to label nothing is read where a label would stand")
    func unread() throws {
        func read(_ kind: TaskKind, _ name: String, _ text: String) throws -> TaskRow {
            var task = TaskConfiguration()
            task.kind = kind
            return try TaskTable.read(try folder.write(text, to: name), .init(task, needsLabel: false))[0]
        }
        #expect(try read(.classes, "a.jsonl", "{\"text\": \"a\", \"label\": [1]}") == .init(text: "a", line: 1))
        #expect(try read(.labels, "a.jsonl", "{\"text\": \"a\", \"labels\": [\"x\", \"x\"]}").labels == nil)
        #expect(
            try read(.tokens, "a.tsv", "words\tlabels\na b\tO\n") == .init(text: "a b", words: ["a", "b"], line: 2))
        #expect(try read(.tokens, "a.jsonl", "{\"text\": \"a\", \"spans\": 3}").spans == nil)
        #expect(try read(.span, "a.csv", "question,context,answers\na,b,c\n").answers == nil)
        #expect(
            try read(.choice, "a.jsonl", "{\"context\": \"a\", \"choices\": [\"b\", \"c\"], \"label\": {}}").label
                == nil)
        #expect(
            try read(.contrastive, "a.jsonl", "{\"text\": \"a\", \"text_pair\": \"b\", \"label\": {}}").label == nil)
    }

    @Test("Classes are found, sorted and checked")
    func labels() throws {
        func rows(_ labels: [String]) -> [TaskRow] {
            labels.enumerated().map { .init(text: "t", pair: nil, label: $1, line: $0 + 1) }
        }
        var task = TaskConfiguration()
        #expect(try TaskLabels(task, of: rows(["b", "a", "b"]), path: "f").names == ["a", "b"])
        #expect(try TaskLabels(task, of: rows(["10", "9", "10"]), path: "f").names == ["9", "10"])
        // Whatever order a set of them has in this process.
        for count in 2...12 {
            let mixed = (0..<count).flatMap { ["\(count - $0)", "\($0)a", "nan", "inf"] }
            #expect(
                try TaskLabels(task, of: rows(mixed), path: "f").names
                    == (1...count).map { "\($0)" } + ((0..<count).map { "\($0)a" } + ["inf", "nan"]).sorted())
        }
        #expect(throws: TaskError.self) { _ = try TaskLabels(task, of: rows(["a", "a"]), path: "f") }
        let error = #expect(throws: TaskError.self) {
            _ = try TaskLabels(task, of: rows(["1", "0.37"]), path: "f")
        }
        #expect("\(try #require(error))".hasPrefix("f:2: the label 0.37 is a number with a fraction"))
        task.labels = ["z", "a"]
        #expect(try TaskLabels(task, of: rows(["a", "z"]), path: "f").names == ["z", "a"])
        #expect(throws: TaskError.self) { _ = try TaskLabels(task, of: rows(["a"]), path: "f") }
        task.metric = .f1
        #expect(try TaskLabels(task, of: rows(["a", "z"]), path: "f").names == ["z", "a"])
        task.labels = ["z", "a", "b"]
        let three = #expect(throws: TaskError.self) { _ = try TaskLabels(task, of: rows(["a", "z"]), path: "f") }
        #expect("\(try #require(three))".contains("has 3 classes, and metric: f1 is about two of them"))
    }
}
