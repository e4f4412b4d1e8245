import Configuration
import Corpus
import Foundation

/// A text as it stands in a file.
public struct TaskRow: Sendable, Equatable {
    public var text: String
    public var pair: String?
    /// What does not belong to the text.
    public var negative: String?
    /// As it is written; nil where the file has none.
    public var label: String?
    /// Where a text has any number of them, or one for every word.
    public var labels: [String]?
    /// Instead of a text, which has them with spaces between; `labels` has one for each.
    public var words: [String]?
    /// Labelled parts of the text.
    public var spans: [TextSpan]?
    /// To the question that is the text, with the context as its pair; empty where there is none.
    public var answers: [TaskAnswer]?
    /// What may go with the text; the label is one of them.
    public var choices: [String]?
    /// Of the file, counted from 1; of several, the first.
    public var line: Int

    public init(
        text: String, pair: String? = nil, label: String? = nil, labels: [String]? = nil,
        words: [String]? = nil, line: Int
    ) {
        self.text = text
        self.pair = pair
        self.label = label
        self.labels = labels
        self.words = words
        self.line = line
    }

    /// - Parameter isPairs: whether there have to be second texts; nil: as the first row has it.
    /// - Throws: `TaskError` where pairs and single texts are mixed.
    static func refuseMixed(_ rows: [TaskRow], isPairs: Bool? = nil, path: String) throws {
        guard let isPairs = isPairs ?? rows.first.map({ $0.pair != nil }),
            let other = rows.first(where: { ($0.pair != nil) != isPairs })
        else { return }
        throw TaskError.row(
            path: path, line: other.line,
            isPairs ? "has no second text, and others have one" : "has a second text, and others have none")
    }

    /// What may be said of without knowing the answer.
    var withoutLabel: TaskRow {
        var row = self
        row.label = nil
        row.labels = nil
        row.spans = nil
        row.answers = nil
        return row
    }
}

/// Reads files of labelled texts: JSON lines, or tables with a header, separated by tabs or commas.
public enum TaskTable {
    /// What is read.
    public struct Fields: Sendable {
        var task: TaskConfiguration
        /// Whether rows without one are refused: texts to learn from have labels. Of texts to label nothing that may stand where a
        /// label would is read.
        public var needsLabel: Bool

        public init(_ task: TaskConfiguration, needsLabel: Bool = true) {
            self.task = task
            self.needsLabel = needsLabel
        }

        /// Where the text stands.
        public var text: String { task.textField }

        /// Names what the texts of a file are called there, other than in training.
        ///
        /// - Parameter part: text, pair, words, question, context or choices.
        /// - Throws: `InvalidSetting` for a part that the kind of task does not read.
        public mutating func rename(_ part: String, to field: String) throws {
            let parts = task.kind.definition.parts
            guard parts.contains(part) else {
                throw InvalidSetting(
                    part, "is not read by kind: \(task.kind.rawValue), whose texts are \(parts.joined(separator: ", "))"
                )
            }
            switch part {
            case "text": task.textField = field
            case "pair": task.pairField = field
            case "words": task.wordsField = field
            case "question": task.questionField = field
            case "context": task.contextField = field
            default: (task.choicesField, task.choiceFields) = (field, [])
            }
        }

        func row(_ record: TaskRecord) throws -> TaskRow {
            var record = record
            record.isToBeLabelled = !needsLabel
            return try task.kind.definition.row(record, task, needsLabel: needsLabel)
        }
    }

    /// How a file is divided into rows, by its name.
    package enum Form {
        case lines
        /// Texts, one a line.
        case texts
        case tabs
        case commas

        package init?(ofFile path: String) {
            var name = (path as NSString).lastPathComponent.lowercased()
            for ending in [".gz", ".zst", ".lz4"] where name.hasSuffix(ending) { name.removeLast(ending.count) }
            switch (name as NSString).pathExtension {
            case "jsonl", "ndjson", "json": self = .lines
            case "txt": self = .texts
            case "tsv": self = .tabs
            case "csv": self = .commas
            default: return nil
            }
        }
    }

    /// - Throws: `TaskError` with file and line, `TextFileFailure`.
    public static func read(_ path: String, _ fields: Fields) throws -> [TaskRow] {
        let bytes = try TextFile.contents(of: path)
        let rows: [TaskRow]
        switch Form(ofFile: path) {
        case .lines: rows = try lines(path, bytes, fields)
        case .texts: rows = try texts(path, bytes, fields)
        case .tabs: rows = try tabSeparated(path, bytes, fields)
        case .commas: rows = try commaSeparated(path, bytes, fields)
        case nil:
            throw TaskError.file(
                path: path, "is neither .jsonl nor .tsv nor .csv nor .txt (plain or .gz, .zst, .lz4), by its name")
        }
        if rows.isEmpty { throw TaskError.file(path: path, "holds no texts") }
        return rows
    }

    /// The lines of a file of plain text, without their ends.
    ///
    /// - Throws: `TextFileFailure`.
    public static func lines(ofFile path: String) throws -> [[UInt8]] {
        try TextFile.contents(of: path).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
            Array($0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0)
        }
    }

    private static func lines(_ path: String, _ bytes: [UInt8], _ fields: Fields) throws -> [TaskRow] {
        var rows: [TaskRow] = []
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
            guard let object = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any] else {
                throw TaskError.row(path: path, line: index + 1, "is not a JSON object")
            }
            rows.append(
                try fields.row(
                    TaskRecord(path: path, line: index + 1, known: { object.keys.sorted() }, value: { object[$0] })))
        }
        return rows
    }

    /// Texts without anything to say about them, one a line.
    private static func texts(_ path: String, _ bytes: [UInt8], _ fields: Fields) throws -> [TaskRow] {
        let lines = try text(path, bytes).split(separator: "\n", omittingEmptySubsequences: false)
        return try lines.enumerated().filter { !$1.allSatisfy(\.isWhitespace) }.map { index, line in
            try fields.row(
                TaskRecord(path: path, line: index + 1, known: { [fields.text] }) {
                    $0 == fields.text ? String(line) : nil
                })
        }
    }

    /// A header, and quotation marks around what holds separators or line feeds.
    private static func commaSeparated(_ path: String, _ bytes: [UInt8], _ fields: Fields) throws -> [TaskRow] {
        let rows = try CommaSeparatedRows(try text(path, bytes), path: path).rows
        let header = rows.first?.cells.map { $0.trimmingCharacters(in: .whitespaces) } ?? []
        return try rows.dropFirst().map { row in
            try fields.row(
                try record(path, row.line, header, row.cells, advice: "; put texts with commas in quotation marks"))
        }
    }

    /// A header, then a row each line; quotation marks are text, as in GLUE's files.
    private static func tabSeparated(_ path: String, _ bytes: [UInt8], _ fields: Fields) throws -> [TaskRow] {
        let lines = try text(path, bytes).split(separator: "\n", omittingEmptySubsequences: false).map {
            $0.hasSuffix("\r") ? $0.dropLast() : $0
        }
        func cells(_ line: Substring) -> [String] {
            line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
        let header = lines.first.map(cells) ?? []
        return try lines.enumerated().dropFirst().filter { !$1.isEmpty }.map { index, line in
            try fields.row(try record(path, index + 1, header, cells(line)))
        }
    }

    /// A row of a table under its header.
    private static func record(
        _ path: String, _ line: Int, _ header: [String], _ values: [String], advice: String = ""
    ) throws -> TaskRecord {
        guard values.count == header.count else {
            throw TaskError.row(
                path: path, line: line, "has \(values.count) columns, and the header has \(header.count)\(advice)")
        }
        return TaskRecord(
            path: path, line: line, isTable: true, known: { header },
            value: { field in header.firstIndex(of: field).flatMap { values[$0].isEmpty ? nil : values[$0] } })
    }

    private static func text(_ path: String, _ bytes: [UInt8]) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw TaskError.file(path: path, "is not UTF-8; convert it (iconv -t utf-8)")
        }
        let lines = text.replacing("\r\n", with: "\n")
        // Of old systems, whose lines end with nothing else.
        return lines.utf8.contains(UInt8(ascii: "\n")) ? lines : lines.replacing("\r", with: "\n")
    }
}
