import Foundation

/// A line of a file before anything is known of its meaning: values by name.
struct TaskRecord {
    let path: String
    /// Of the file, counted from 1; of several, the first.
    let line: Int
    /// Whether it is a table's, whose empty cells are no values.
    var isTable = false
    /// Whether it is a text to be labelled, by a model whose task is settled.
    var isToBeLabelled = false
    /// What it has, for errors.
    let known: () -> [String]
    /// A value of JSON, or the text of a table's cell; nil where there is none.
    let value: (String) -> Any?

    func error(_ problem: String) -> TaskError { .row(path: path, line: line, problem) }

    /// - Throws: `TaskError` for what is neither a text nor a number.
    func text(_ field: String) throws -> String? {
        switch value(field) {
        case nil, is NSNull: nil
        case let text as String: text
        case let number as NSNumber: "\(number)"
        default: throw error("\(field) is neither a text nor a number")
        }
    }

    /// A list of JSON, or a text that is divided at a separator; spaces around the parts do not count.
    ///
    /// - Returns: nil where there is none; an empty list for an empty cell of a table.
    /// - Throws: `TaskError` for what is neither, and for an empty part.
    func list(_ field: String, separator: String) throws -> [String]? {
        guard let list = value(field) as? [Any] else {
            guard let text = try text(field) else { return isTable && known().contains(field) ? [] : nil }
            if text.isEmpty { return [] }
            return try checked(text.components(separatedBy: separator), field)
        }
        return try checked(
            list.map { part in
                switch part {
                case let text as String: text
                case let number as NSNumber: "\(number)"
                default: throw error("\(field) holds what is neither a text nor a number")
                }
            }, field)
    }

    /// A list of JSON of texts that are not empty.
    ///
    /// - Returns: nil where there is none.
    func list(_ field: String) throws -> [String]? {
        guard let value = value(field), !(value is NSNull) else { return nil }
        if !(value is [Any]) { throw error("\(field) is no list of JSON") }
        return try list(field, separator: "\n")
    }

    private func checked(_ parts: [String], _ field: String) throws -> [String] {
        let parts = parts.map { $0.trimmingCharacters(in: .whitespaces) }
        if parts.contains("") { throw error("\(field) holds an empty entry") }
        return parts
    }

    /// - Parameter setting: that names the field; nil for `what` with `_field`.
    /// - Throws: `TaskError` where it is missing.
    func needed(_ field: String, _ what: String, setting: String? = nil) throws -> String {
        guard let found = try text(field) else {
            throw known().contains(field) ? error("has an empty \(what)") : missing(field, what, setting: setting)
        }
        return found
    }

    func missing(_ field: String, _ what: String, setting: String? = nil) -> TaskError {
        let advice =
            !isToBeLabelled
            ? "set \(setting ?? what + "_field")"
            : TaskKind.allCases.contains { $0.definition.parts.contains(what) }
                ? "name the one to read: --\(what)-field" : "the model was trained with this name"
        return error("has no \(what) \(field); there are \(known().joined(separator: ", ")) (\(advice))")
    }

    /// - Throws: `TaskError` where it is missing, or nothing but spaces.
    func neededText(_ field: String, _ what: String, setting: String? = nil) throws -> String {
        let text = try needed(field, what, setting: setting)
        if text.allSatisfy(\.isWhitespace) { throw error("has an empty \(what)") }
        return text
    }

    static let usualPair = "text_pair"

    /// A text that a record need not have, unless the task names it.
    ///
    /// - Throws: `TaskError` where it is named and missing, or nothing but spaces.
    func textIfAny(_ named: String?, usual: String, _ what: String) throws -> String? {
        let text = try named.map { try needed($0, what) } ?? text(usual)
        if text?.allSatisfy(\.isWhitespace) ?? false { throw error("has an empty \(what)") }
        return text
    }

    /// A text or a pair.
    func texts(_ task: TaskConfiguration) throws -> TaskRow {
        let pair = try textIfAny(task.pairField, usual: Self.usualPair, "pair")
        return TaskRow(text: try neededText(task.textField, "text"), pair: pair, line: line)
    }

    /// A text or a pair with its label.
    func textAndLabel(_ task: TaskConfiguration, needsLabel: Bool) throws -> TaskRow {
        var row = try texts(task)
        if needsLabel { row.label = try label(task.labelName) }
        return row
    }

    /// A label, without the spaces around it.
    ///
    /// - Throws: `TaskError` where it is missing, or nothing but spaces.
    func label(_ field: String) throws -> String {
        try neededText(field, "label").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// - Returns: nil where there is none.
    func trimmedText(_ field: String) throws -> String? {
        try text(field)?.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
