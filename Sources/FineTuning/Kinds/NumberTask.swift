import Configuration

/// `kind: number`: a text, or a pair, has a number.
struct NumberTask: TaskDefinition {
    static let metrics: [TaskMetric] = [.pearson, .spearman]
    static let hasNames = false
    static let mayBePairs = true

    private let settings: FineTuningSettings
    private let isSymmetric: Bool
    private let scale: NumberScale

    init(_ configuration: FineTuningConfiguration, labels: TaskLabels) {
        settings = configuration.training
        isSymmetric = configuration.task.symmetric
        // Models of earlier versions learned numbers as they are.
        scale = labels.scale ?? NumberScale(mean: 0, deviation: 1)
    }

    static func check(_ configuration: FineTuningConfiguration) throws {
        if !configuration.task.labels.isEmpty { throw InvalidSetting("labels", "are for kind: classes") }
    }

    static func row(_ record: TaskRecord, _ task: TaskConfiguration, needsLabel: Bool) throws -> TaskRow {
        try record.textAndLabel(task, needsLabel: needsLabel)
    }

    static func names(of rows: [TaskRow], path: String) throws -> [String] { [] }

    let outputCount = 1

    func item(_ row: TaskRow, _ encoder: inout TaskEncoder, for use: TaskUse, path: String) throws -> TaskItem {
        let number = try row.number("label", path: path)
        let (examples, orders) = try encoder.orders(
            of: row, target: number.map { .number(scale.learned($0)) }, isSymmetric: isSymmetric, settings, path: path)
        return TaskItem(row: row, examples: examples, orders: orders, truth: TaskItem.truth(number))
    }

    func scores(_ items: [TaskItem], _ outputs: [[[Float]]]) -> TaskScores {
        let outputs = zip(items, outputs).map { Self.pooled($0, $1) }
        return TaskScores(
            loss: Self.meanLoss(items, outputs) * scale.deviation * scale.deviation,
            predicted: outputs.map { scale.number(OrderMeans.number($0)) },
            numbers: items.map {
                if case .number(let number)? = $0.examples[0].target { scale.number(number) } else { 0 }
            }
        )
    }

    func prediction(_ item: TaskItem, _ outputs: [[Float]]) -> FineTunedModel.Prediction {
        let outputs = Self.pooled(item, outputs)
        return .init(number: scale.number(OrderMeans.number(outputs)))
    }
}
