import Configuration

/// `kind: contrastive`: vectors whose cosine tells how alike texts are. There is no head: a text's vector is its pooled states.
///
/// Pairs belong together, and may bring a text along that does not (Gao et al. 2021, arXiv 2104.08821, section 4). Single texts
/// are pairs with themselves, read twice under different dropout (section 3 there). Judged are pairs: with scores by how the
/// cosines rank them, as in STS; without, by whether texts find their partners among all others. Single texts are judged under
/// dropout too, by whether one reading finds the other.
struct ContrastiveTask: TaskDefinition {
    static let metrics: [TaskMetric] = [.spearman, .reciprocalRank, .pearson, .accuracy]
    static let hasNames = false
    static let givesVectors = true

    private let settings: FineTuningSettings
    private let metric: TaskMetric?
    let contrast: InBatchContrast?

    init(_ configuration: FineTuningConfiguration, labels: TaskLabels) {
        settings = configuration.training
        metric = configuration.task.metric
        contrast = InBatchContrast(
            temperature: configuration.training.temperature, isSymmetric: configuration.task.symmetric)
    }

    static func check(_ configuration: FineTuningConfiguration) throws {
        if !configuration.task.labels.isEmpty { throw InvalidSetting("labels", "are for kind: classes") }
        if configuration.training.longTexts == .stride {
            throw InvalidSetting("training.long_texts", "stride is not for kind: contrastive, which cuts long texts")
        }
        if configuration.training.batchSize == 1 {
            throw InvalidSetting(
                "training.batch_size", "is 1, and a text has to be told from the others of its batch; 64 is usual")
        }
    }

    static func row(_ record: TaskRecord, _ task: TaskConfiguration, needsLabel: Bool) throws -> TaskRow {
        var row = try record.texts(task)
        if needsLabel { row.label = try record.trimmedText(task.labelName) }
        // Texts to be judged by need none where those to learn from have some.
        row.negative = try record.textIfAny(nil, usual: task.negativeField ?? Self.usualNegative, "negative")
        if row.negative != nil, row.pair == nil {
            throw record.error("has a text that does not belong to it, and none that does")
        }
        return row
    }

    private static let usualNegative = "negative"

    static func check(learned rows: [TaskRow], _ task: TaskConfiguration, path: String) throws {
        if let field = task.negativeField, rows.allSatisfy({ $0.negative == nil }) {
            throw TaskError.file(path: path, "has no text under \(field), which negative_field names")
        }
    }

    static func names(of rows: [TaskRow], path: String) throws -> [String] {
        try TaskRow.refuseMixed(rows, path: path)
        if let row = rows.first(where: { $0.label != nil }) {
            throw TaskError.row(
                path: path, line: row.line,
                "has a label, and texts to train on all belong together; leave out those that do not, and the label (or name "
                    + "another label_field)")
        }
        return []
    }

    func check(judged rows: [TaskRow], path: String) throws {
        try TaskRow.refuseMixed(rows, path: path)
        let hasScores = rows.contains { $0.label != nil }
        if hasScores, let row = rows.first(where: { $0.label == nil }) {
            throw TaskError.row(path: path, line: row.line, "has no score, and others have one")
        }
        if hasScores, let row = rows.first(where: { $0.pair == nil }) {
            throw TaskError.row(
                path: path, line: row.line,
                "has a score and no second text to compare with; call its member or column \(TaskRecord.usualPair)")
        }
        let isRank = metric == .spearman || metric == .pearson
        if let metric, isRank != hasScores, let row = rows.first {
            throw TaskError.row(
                path: path, line: row.line,
                isRank
                    ? "has no score (label_field), which metric: \(metric.rawValue) needs; reciprocal_rank needs none"
                    : "has a score, by which metric: \(metric.rawValue) does not judge; spearman does")
        }
    }

    /// A test may have scores where validation, which is split off texts to train on, has none; without any beside scored
    /// validation it was named without its column.
    func check(tested rows: [TaskRow], path: String, validation: [TaskRow]) throws {
        guard let row = rows.first, row.label == nil, validation.first?.label != nil else { return }
        throw TaskError.row(
            path: path, line: row.line,
            "has no score (label_field), and texts for validation have one: give both scores, or neither")
    }

    let outputCount = 0

    func item(_ row: TaskRow, _ encoder: inout TaskEncoder, for use: TaskUse, path: String) throws -> TaskItem {
        let score = try row.number("score", path: path)
        let truncated = encoder.truncated
        let texts = [row.text, row.pair ?? row.text] + [row.negative].compactMap(\.self)
        let examples = texts.map { encoder.encode(TaskRow(text: $0, line: row.line), target: nil) }
        encoder.truncated = min(encoder.truncated, truncated + 1)
        var item = TaskItem(row: row, examples: examples, truth: TaskItem.truth(score))
        item.isReadTwice = row.pair == nil
        // A step carries what belongs to a text side by side.
        if use == .training {
            item.examples = [examples[0]]
            item.examples[0].alternatives = examples.dropFirst().map { TaskSegment(tokens: $0.tokens) }
        }
        return item
    }

    func scores(_ items: [TaskItem], _ outputs: [[[Float]]]) -> TaskScores {
        let scores = items.compactMap { $0.row.label.flatMap(Double.init) }
        if scores.count == items.count {
            return TaskScores(cosines: outputs.map(Self.cosine), scores: scores)
        }
        let (width, rows) = (outputs[0][0].count, outputs.map { $0.flatMap(\.self) })
        let names = TextNames(items.map { $0.examples.map(\.tokens) }).names
        // As in training, among as many texts.
        var loss = 0.0
        for start in stride(from: 0, to: rows.count, by: settings.batchSize) {
            let batch = start..<min(start + settings.batchSize, rows.count)
            let found = contrast?.loss(
                Array(rows[batch]), width: width, names: Array(names[batch]), isLearned: false)
            loss += (found?.loss ?? 0) * Double(batch.count) / Double(rows.count)
        }
        return TaskScores(loss: loss, retrieval: rows, width: width, names: names)
    }

    func prediction(_ item: TaskItem, _ outputs: [[Float]]) -> FineTunedModel.Prediction {
        .init(number: Self.cosine(outputs))
    }

    /// Of the first two of some vectors.
    private static func cosine(_ vectors: [[Float]]) -> Double {
        let units = UnitVectors(vectors, width: vectors[0].count)
        return zip(units[0], units[1]).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
}

/// Numbers for texts, the same one for the same tokens.
struct TextNames {
    private(set) var names: [[Int]] = []

    /// - Parameter texts: of every example.
    init(_ texts: [[[Int32]]]) {
        var known: [[Int32]: Int] = [:]
        names = texts.map { texts in
            texts.map { text in
                let name = known[text] ?? known.count
                known[text] = name
                return name
            }
        }
    }
}
