import Configuration

/// What differs from one kind of task to another, in one place: which settings make sense, how a line of a file is read and
/// checked, what the model is given and held against, how it is judged, and what is said of a text in the end.
///
/// A value of it knows a task's labels. `TaskKind` names the kinds for the configuration.
protocol TaskDefinition: Sendable {
    /// What can decide which epoch is kept; the first does where the task does not say.
    static var metrics: [TaskMetric] { get }

    /// Whether a task's labels are names, which its file may list.
    static var hasNames: Bool { get }

    /// The member or column that holds the label where the task does not name it.
    static var labelField: String { get }

    /// - Throws: `InvalidSetting` for a setting that means nothing to this kind.
    static func check(_ configuration: FineTuningConfiguration) throws

    /// - Parameter needsLabel: whether a line without a label is an error.
    /// - Throws: `TaskError` with file and line.
    static func row(_ record: TaskRecord, _ task: TaskConfiguration, needsLabel: Bool) throws -> TaskRow

    /// What a line's texts are called in settings, without `_field`.
    static var parts: [String] { get }

    /// Whether texts may be pairs, which then all have to be.
    static var mayBePairs: Bool { get }

    /// - Throws: `TaskError` where a task's training text leaves nothing to learn, or lacks what the task names.
    static func check(learned rows: [TaskRow], _ task: TaskConfiguration, path: String) throws

    /// The names of the labels that a task's training text has, in order.
    ///
    /// - Throws: `TaskError` for those that are no names.
    static func names(of rows: [TaskRow], path: String) throws -> [String]

    /// The names of the labels that a task's file lists, for its training text.
    static func names(listed names: [String], _ rows: [TaskRow]) -> [String]

    /// - Parameter names: of the labels.
    /// - Throws: `TaskError` for those that the kind cannot use.
    static func check(_ names: [String], _ task: TaskConfiguration, path: String) throws

    /// Whether the head reads single tokens instead of texts as a whole.
    static var readsTokens: Bool { get }

    /// Whether texts become vectors, their pooled states, without a head.
    static var givesVectors: Bool { get }

    /// What decides, where there is no file for validation, on which side a row is: alike texts on the same one.
    static func textToSplitBy(_ row: TaskRow) -> String

    init(_ configuration: FineTuningConfiguration, labels: TaskLabels)

    /// Numbers that the head computes at every place that it reads; 0 where there is none.
    var outputCount: Int { get }

    /// What holds the texts of a batch against one another, where the loss is not one of single texts.
    var contrast: InBatchContrast? { get }

    /// - Parameter rows: of a file that the model is judged by.
    /// - Throws: `TaskError` where they cannot be judged.
    func check(judged rows: [TaskRow], path: String) throws

    /// - Parameters:
    ///   - rows: of the file for the test at the end.
    ///   - validation: what the epoch is chosen by.
    /// - Throws: `TaskError` where the two cannot be judged alike.
    func check(tested rows: [TaskRow], path: String, validation: [TaskRow]) throws

    /// A row as the model is given it; with targets where the row has a label.
    ///
    /// - Parameter path: of the file, for errors.
    /// - Throws: `TaskError` for a label that the task does not have.
    func item(_ row: TaskRow, _ encoder: inout TaskEncoder, for use: TaskUse, path: String) throws -> TaskItem

    /// Gives the training texts their weights in the loss, where not all weigh alike.
    func weigh(_ items: inout [TaskItem])

    /// - Parameters:
    ///   - items: with labels.
    ///   - outputs: for every item, of each of its examples.
    func scores(_ items: [TaskItem], _ outputs: [[[Float]]]) -> TaskScores

    /// - Parameter outputs: of each of the item's examples.
    func prediction(_ item: TaskItem, _ outputs: [[Float]]) -> FineTunedModel.Prediction
}

extension TaskDefinition {
    static var labelField: String { "label" }
    static var parts: [String] { ["text", "pair"] }
    static var mayBePairs: Bool { false }
    static func check(learned rows: [TaskRow], _ task: TaskConfiguration, path: String) throws {}
    static var readsTokens: Bool { false }
    static var givesVectors: Bool { false }
    var contrast: InBatchContrast? { nil }
    func check(judged rows: [TaskRow], path: String) throws {}
    func check(tested rows: [TaskRow], path: String, validation: [TaskRow]) throws {}
    static func textToSplitBy(_ row: TaskRow) -> String { row.text + "\n" + (row.pair ?? "") }
    static func names(listed names: [String], _ rows: [TaskRow]) -> [String] { names }
    static func check(_ names: [String], _ task: TaskConfiguration, path: String) throws {}
    static func check(_ configuration: FineTuningConfiguration) throws { try refuseOrders(configuration) }

    /// For kinds that are about one order of a pair.
    static func refuseOrders(_ configuration: FineTuningConfiguration) throws {
        if configuration.task.symmetric {
            throw InvalidSetting("symmetric", "is for pairs of kind: classes or number")
        }
    }
    func weigh(_ items: inout [TaskItem]) {}

    /// What windows say of a text: the mean of their outputs.
    static func pooled(_ outputs: [[Float]]) -> [Float] {
        if outputs.count == 1 { return outputs[0] }
        return outputs[0].indices.map { index in
            Float(outputs.reduce(0.0) { $0 + Double($1[index]) } / Double(outputs.count))
        }
    }

    /// The same of an item's orders, each with its windows, one after another.
    static func pooled(_ item: TaskItem, _ outputs: [[Float]]) -> [[Float]] {
        let windows = outputs.count / item.orders
        return (0..<item.orders).map { pooled(Array(outputs[$0 * windows..<($0 + 1) * windows])) }
    }

    /// The mean over items, and their orders, of the loss of their targets.
    static func meanLoss(_ items: [TaskItem], _ outputs: [[[Float]]]) -> Double {
        let losses = zip(items, outputs).flatMap { item, orders in
            orders.map { outputs in item.examples[0].target.map { TaskLoss.loss(outputs, $0) } ?? .nan }
        }
        return TaskLoss.mean(losses)
    }
}

/// What a text is read for.
enum TaskUse: Sendable {
    case training
    /// Evaluation, and predictions for texts without labels.
    case judging
}

/// A row as the model is given it.
struct TaskItem: Sendable {
    var row: TaskRow
    /// One, or several that together are the row; none where it holds nothing that the model reads.
    var examples: [TaskExample]
    /// Whether its two examples are the same text, which dropout alone tells apart.
    var isReadTwice = false
    /// In how many orders a pair stands among them: each order's examples, then the next one's.
    var orders = 1
    /// Of each example, what each of its places stands for in the row: words by number, or bytes of the context.
    var parts: [[Range<Int>]] = []
    /// Bytes of the words in the text.
    var ranges: [Range<Int>] = []
    /// What the row is held against, in numbers, so that other labels in a file are noticed.
    var truth: [Int32]

    /// Each order as an item of its own, to be trained on.
    var singleOrders: [TaskItem] {
        guard orders > 1 else { return [self] }
        let count = examples.count / orders
        return (0..<orders).map { order in
            var item = self
            item.orders = 1
            item.examples = Array(examples[order * count..<(order + 1) * count])
            return item
        }
    }
}
