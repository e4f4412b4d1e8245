import Configuration

/// `kind: choice`: one of several endings goes with a context, each read as a pair with it (SWAG, Zellers et al. 2018).
///
/// The head gives each choice one number; their softmax is over the choices of a row, which may be any number.
struct ChoiceTask: TaskDefinition {
    static let metrics: [TaskMetric] = [.accuracy]
    static let parts = ["context", "choices"]
    static let hasNames = true

    private let labels: TaskLabels
    /// Whether the task's file has names for the places of choices.
    private let isListed: Bool

    init(_ configuration: FineTuningConfiguration, labels: TaskLabels) {
        self.labels = labels
        isListed = !configuration.task.labels.isEmpty
    }

    static func check(_ configuration: FineTuningConfiguration) throws {
        try refuseOrders(configuration)
        if configuration.training.longTexts == .stride {
            throw InvalidSetting("training.long_texts", "stride is not for kind: choice, which cuts long texts")
        }
    }

    static func row(_ record: TaskRecord, _ task: TaskConfiguration, needsLabel: Bool) throws -> TaskRow {
        var row = TaskRow(text: try record.neededText(task.contextField, "context"), line: record.line)
        let choices =
            task.choiceFields.isEmpty
            ? try record.list(task.choicesField)
            : try task.choiceFields.map { try record.neededText($0, "choice", setting: "choice_fields") }
        guard let choices else { throw record.missing(task.choicesField, "choices") }
        if choices.count < 2 {
            throw record.error("has \(choices.count) choices, of which there have to be two at least")
        }
        row.choices = choices
        if needsLabel { row.label = try record.label(task.labelName) }
        return row
    }

    /// Places in the list of choices, from 0.
    static func names(of rows: [TaskRow], path: String) throws -> [String] {
        (0..<(rows.map { $0.choices?.count ?? 0 }.max() ?? 0)).map { "\($0)" }
    }

    let outputCount = 1

    func item(_ row: TaskRow, _ encoder: inout TaskEncoder, for use: TaskUse, path: String) throws -> TaskItem {
        let choices = row.choices ?? []
        let index = try row.label.map { label in
            // A row that is judged may have more choices than any that is trained on.
            let place = isListed ? nil : choices.indices.first { "\($0)" == label }
            let index = try place ?? labels.index(of: label, line: row.line, path: path)
            guard index < choices.count else {
                throw TaskError.row(
                    path: path, line: row.line, "the label \(label) is number \(index + 1) of \(choices.count) choices")
            }
            return index
        }
        let truncated = encoder.truncated
        let pairs = choices.map { encoder.encode(TaskRow(text: row.text, pair: $0, line: row.line), target: nil) }
        encoder.truncated = min(encoder.truncated, truncated + 1)
        var item = TaskItem(row: row, examples: pairs, truth: [index.map { Int32($0) } ?? -1])
        // Only a step of training needs the choices side by side.
        if use == .training, var first = pairs.first {
            first.alternatives = pairs.dropFirst().map { TaskSegment(tokens: $0.tokens, pairStart: $0.pairStart) }
            first.target = index.map { .label($0) }
            item.examples = [first]
        }
        return item
    }

    func scores(_ items: [TaskItem], _ outputs: [[[Float]]]) -> TaskScores {
        let outputs = outputs.map { $0.flatMap(\.self) }
        let losses = zip(items, outputs).map { TaskLoss.loss($1, .label(Int($0.truth[0]))) }
        var scores = TaskScores(loss: TaskLoss.mean(losses), texts: items.count)
        scores.accuracy =
            Double(zip(items, outputs).count { $0.truth[0] == $1.indexOfLargest }) / Double(max(items.count, 1))
        return scores
    }

    func prediction(_ item: TaskItem, _ outputs: [[Float]]) -> FineTunedModel.Prediction {
        let outputs = outputs.flatMap(\.self)
        /// A row may have more choices than any that was trained on.
        func name(_ index: Int) -> String {
            if index < labels.names.count { return labels.names[index] }
            // Places are counted from 0, and labels may be numbers that are counted from 1.
            return labels.names.contains("\(index)") ? "choice \(index + 1)" : "\(index)"
        }
        return .init(
            label: name(outputs.indexOfLargest),
            probabilities: Dictionary(
                TaskLoss.probabilities(outputs).enumerated().map { (name($0), $1) }, uniquingKeysWith: { $0 + $1 }))
    }
}
