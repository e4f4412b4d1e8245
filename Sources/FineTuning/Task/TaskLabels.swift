import Foundation

/// The classes of a task, by name.
public struct TaskLabels: Sendable, Equatable {
    /// Empty where the label is a number.
    public let names: [String]
    private let indices: [String: Int]

    public init(names: [String]) {
        self.names = names
        indices = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    }

    /// The classes that a task's training text has: sorted, numbers by value.
    ///
    /// - Throws: `TaskError` where there is one class, or labels look like measured numbers.
    public init(_ task: TaskConfiguration, of rows: [TaskRow], path: String) throws {
        guard task.kind == .classes else {
            self.init(names: [])
            return
        }
        if !task.labels.isEmpty {
            self.init(names: task.labels)
            return
        }
        let found = Set(rows.compactMap(\.label))
        if let row = rows.first(where: { row in
            row.label.map { $0.contains(".") && Double($0) != nil && Double($0) != Double($0)?.rounded() } ?? false
        }) {
            throw TaskError.row(
                path: path, line: row.line,
                "the label \(row.label ?? "") is a number with a fraction, and kind is classes; set kind: number, or list the "
                    + "labels")
        }
        if found.count < 2 {
            throw TaskError.file(
                path: path, "has one class, \(found.first ?? "none"), with which there is nothing to learn")
        }
        self.init(
            names: found.sorted { a, b in
                if let x = Double(a), let y = Double(b), x != y { return x < y }
                return a < b
            })
    }

    /// What a row is held against.
    ///
    /// - Throws: `TaskError` for a label that is none of the classes, or no number.
    func target(_ row: TaskRow, kind: TaskKind, path: String) throws -> TaskTarget? {
        guard let label = row.label else { return nil }
        switch kind {
        case .classes:
            guard let index = indices[label] else {
                let shown = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
                throw TaskError.row(path: path, line: row.line, "the label \(label) is none of \(shown)")
            }
            return .label(index)
        case .number:
            guard let number = Double(label), number.isFinite else {
                throw TaskError.row(path: path, line: row.line, "the label \(label) is no number")
            }
            return .number(number)
        }
    }
}
