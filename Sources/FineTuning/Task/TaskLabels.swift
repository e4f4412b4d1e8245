import Foundation

/// The labels of a task, by name.
public struct TaskLabels: Sendable, Equatable {
    /// Empty where the label is a number.
    public let names: [String]
    /// Where the label is a number: how it is learned.
    public let scale: NumberScale?
    private let indices: [String: Int]
    /// What has more is a column of texts rather than of labels, as good as always; and outputs for all of them are kept of every
    /// text that is judged.
    static let most = 10_000

    public init(names: [String], scale: NumberScale? = nil) {
        self.names = names
        self.scale = scale
        indices = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    }

    /// Those that the task names, or else those that its training text has.
    ///
    /// - Throws: `TaskError` where there is nothing to learn, such as one class.
    public init(_ task: TaskConfiguration, of rows: [TaskRow], path: String) throws {
        try task.kind.definition.check(learned: rows, task, path: path)
        let isListed = task.kind.definition.hasNames && !task.labels.isEmpty
        let names =
            isListed
            ? task.kind.definition.names(listed: task.labels, rows)
            : try task.kind.definition.names(of: rows, path: path)
        guard names.count <= Self.most else {
            throw TaskError.file(
                path: path,
                "has \(names.count) different labels, and \(Self.most) are the most; the labels may be in another column"
            )
        }
        self.init(names: names, scale: try task.kind == .number ? NumberScale(rows, path: path) : nil)
        try task.kind.definition.check(names, task, path: path)
    }

    /// Numbers by value, then the rest in the order of an alphabet: one order, whatever order the names come in.
    static func sorted(_ names: some Sequence<String>) -> [String] {
        let values = names.map { name in (name: name, number: Double(name).flatMap { $0.isFinite ? $0 : nil }) }
        return values.sorted { a, b in
            switch (a.number, b.number) {
            case (let x?, let y?) where x != y: x < y
            case (_?, nil): true
            case (nil, _?): false
            default: a.name < b.name
            }
        }.map(\.name)
    }

    /// - Parameter labels: of a row.
    /// - Throws: `TaskError` for a number with a fraction, which was measured rather than given as a name.
    static func refuseFractions(_ rows: [TaskRow], path: String, _ labels: (TaskRow) -> [String]) throws {
        for row in rows {
            for label in labels(row) where label.contains(".") {
                guard let number = Double(label), number != number.rounded() else { continue }
                throw TaskError.row(
                    path: path, line: row.line,
                    "the label \(label) is a number with a fraction, and kind is not number; set kind: number, or list the "
                        + "labels")
            }
        }
    }

    /// - Throws: `TaskError` for what is none of them.
    func index(of label: String, line: Int, path: String) throws -> Int {
        guard let index = indices[label] else {
            let shown = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
            throw TaskError.row(path: path, line: line, "the label \(label) is none of \(shown)")
        }
        return index
    }
}
