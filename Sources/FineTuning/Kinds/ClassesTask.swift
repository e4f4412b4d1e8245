import Configuration

/// `kind: classes`: a text, or a pair, has one of several labels.
struct ClassesTask: TaskDefinition {
    static let metrics: [TaskMetric] = [.accuracy, .macroF1, .f1, .matthews, .auc]
    static let hasNames = true
    static let mayBePairs = true

    private let labels: TaskLabels
    private let settings: FineTuningSettings
    private let isSymmetric: Bool
    private let metric: TaskMetric?

    init(_ configuration: FineTuningConfiguration, labels: TaskLabels) {
        self.labels = labels
        settings = configuration.training
        isSymmetric = configuration.task.symmetric
        metric = configuration.task.metric
    }

    static func check(_ configuration: FineTuningConfiguration) throws {
        if configuration.task.labels.count == 1 {
            throw InvalidSetting("labels", "has one class, with which there is nothing to learn")
        }
    }

    static func row(_ record: TaskRecord, _ task: TaskConfiguration, needsLabel: Bool) throws -> TaskRow {
        try record.textAndLabel(task, needsLabel: needsLabel)
    }

    static func check(learned rows: [TaskRow], _ task: TaskConfiguration, path: String) throws {
        let found = Set(rows.compactMap(\.label))
        if found.count < 2 {
            throw TaskError.file(
                path: path, "has one class, \(found.first ?? "none"), with which there is nothing to learn")
        }
    }

    /// Sorted, numbers by value.
    ///
    /// - Throws: `TaskError` where labels look like measured numbers.
    static func names(of rows: [TaskRow], path: String) throws -> [String] {
        try TaskLabels.refuseFractions(rows, path: path) { [$0.label].compactMap(\.self) }
        return TaskLabels.sorted(Set(rows.compactMap(\.label)))
    }

    /// - Throws: `TaskError` for more than two classes where what decides is about two.
    static func check(_ names: [String], _ task: TaskConfiguration, path: String) throws {
        guard let metric = task.metric, [.f1, .auc].contains(metric), names.count != 2 else { return }
        throw TaskError.file(
            path: path,
            "has \(names.count) classes, and metric: \(metric.rawValue) is about two of them; macro_f1 is about any number"
        )
    }

    func check(judged rows: [TaskRow], path: String) throws {
        if metric == .auc, Set(rows.map(\.label)).count < 2 {
            throw TaskError.file(path: path, "has texts of one class alone, by which metric: auc cannot judge")
        }
    }

    var outputCount: Int { labels.names.count }

    func item(_ row: TaskRow, _ encoder: inout TaskEncoder, for use: TaskUse, path: String) throws -> TaskItem {
        let index = try row.label.map { try labels.index(of: $0, line: row.line, path: path) }
        let (examples, orders) = try encoder.orders(
            of: row, target: index.map { .label($0) }, isSymmetric: isSymmetric, settings, path: path)
        return TaskItem(row: row, examples: examples, orders: orders, truth: [index.map { Int32($0) } ?? -1])
    }

    /// By the inverse of the classes' frequency, as scikit-learn's `balanced`.
    func weigh(_ items: inout [TaskItem]) {
        guard settings.classWeights == .balanced else { return }
        var counts = [Int](repeating: 0, count: outputCount)
        for item in items where item.truth[0] >= 0 { counts[Int(item.truth[0])] += 1 }
        for index in items.indices where items[index].truth[0] >= 0 {
            let weight = Double(items.count) / Double(counts.count * counts[Int(items[index].truth[0])])
            for example in items[index].examples.indices { items[index].examples[example].weight *= weight }
        }
    }

    func scores(_ items: [TaskItem], _ outputs: [[[Float]]]) -> TaskScores {
        let outputs = zip(items, outputs).map { Self.pooled($0, $1) }
        return TaskScores(
            loss: Self.meanLoss(items, outputs),
            predicted: outputs.map(OrderMeans.label),
            labels: items.map { Int($0.truth[0]) }, classCount: outputCount,
            ofSecond: outputCount == 2 ? outputs.map(OrderMeans.preference) : nil)
    }

    func prediction(_ item: TaskItem, _ outputs: [[Float]]) -> FineTunedModel.Prediction {
        let outputs = Self.pooled(item, outputs)
        let probabilities = OrderMeans.probabilities(outputs)
        return .init(
            label: labels.names[OrderMeans.label(outputs)],
            probabilities: Dictionary(uniqueKeysWithValues: zip(labels.names, probabilities)))
    }
}
