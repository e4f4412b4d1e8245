/// `kind: labels`: a text, or a pair, has any number of labels, none included.
struct LabelsTask: TaskDefinition {
    static let metrics: [TaskMetric] = [.microF1, .macroF1, .subsetAccuracy, .auc]
    static let hasNames = true
    static let labelField = "labels"
    static let mayBePairs = true

    private let labels: TaskLabels
    private let metric: TaskMetric?
    private let settings: FineTuningSettings

    init(_ configuration: FineTuningConfiguration, labels: TaskLabels) {
        self.labels = labels
        settings = configuration.training
        metric = configuration.task.metric
    }

    static func check(learned rows: [TaskRow], _ task: TaskConfiguration, path: String) throws {
        if rows.allSatisfy({ $0.labels?.isEmpty ?? true }) {
            throw TaskError.file(path: path, "has no labels, with which there is nothing to learn")
        }
    }

    func check(judged rows: [TaskRow], path: String) throws {
        guard metric == .auc else { return }
        let counts = rows.flatMap { $0.labels ?? [] }.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        if !counts.values.contains(where: { $0 < rows.count }) {
            throw TaskError.file(
                path: path, "has no label that some texts have and others have not, by which metric: auc could judge")
        }
    }

    static func row(_ record: TaskRecord, _ task: TaskConfiguration, needsLabel: Bool) throws -> TaskRow {
        var row = try record.texts(task)
        guard needsLabel else { return row }
        row.labels = try record.list(task.labelName, separator: task.labelSeparator)
        if row.labels == nil { throw record.missing(task.labelName, "label") }
        if let labels = row.labels, let twice = labels.indices.first(where: { labels[..<$0].contains(labels[$0]) }) {
            throw record.error("\(task.labelName) holds \(labels[twice]) twice")
        }
        return row
    }

    static func names(of rows: [TaskRow], path: String) throws -> [String] {
        try TaskLabels.refuseFractions(rows, path: path) { $0.labels ?? [] }
        return TaskLabels.sorted(Set(rows.flatMap { $0.labels ?? [] }))
    }

    var outputCount: Int { labels.names.count }

    func item(_ row: TaskRow, _ encoder: inout TaskEncoder, for use: TaskUse, path: String) throws -> TaskItem {
        let indices = try row.labels.map { names in
            try names.map { try labels.index(of: $0, line: row.line, path: path) }
        }
        let target = indices.map { indices in TaskTarget.labels((0..<outputCount).map(indices.contains)) }
        return TaskItem(
            row: row, examples: encoder.examples(row, target: target, settings),
            truth: (indices ?? []).sorted().map { Int32($0) })
    }

    func scores(_ items: [TaskItem], _ outputs: [[[Float]]]) -> TaskScores {
        let outputs = outputs.map(Self.pooled)
        return TaskScores(
            loss: Self.meanLoss(items, outputs.map { [$0] }), logits: outputs,
            truth: items.map { item in (0..<outputCount).map { item.truth.contains(Int32($0)) } })
    }

    func prediction(_ item: TaskItem, _ outputs: [[Float]]) -> FineTunedModel.Prediction {
        let outputs = Self.pooled(outputs)
        return .init(
            labels: labels.names.indices.filter { outputs[$0] > 0 }.map { labels.names[$0] },
            probabilities: Dictionary(
                uniqueKeysWithValues: zip(labels.names, outputs.map { TaskLoss.probability(Double($0)) })))
    }
}
