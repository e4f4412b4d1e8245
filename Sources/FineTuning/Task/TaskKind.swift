/// What a task's labels are.
public enum TaskKind: String, CaseIterable, Sendable {
    /// One of several classes.
    case classes
    /// A number.
    case number
    /// Any number of labels.
    case labels
    /// A label for every word.
    case tokens
    /// The part of a context that answers a question.
    case span
    /// One of several endings of a context.
    case choice
    /// Vectors: of texts that belong together near ones, of others far ones.
    case contrastive

    static let help =
        "classes: one of several labels; number: a value; labels: any number of labels; tokens: a label for every "
        + "word; span: the part of a context that answers a question; choice: one of several endings of a context; "
        + "contrastive: vectors that are near where texts belong together."

    var definition: any TaskDefinition.Type {
        switch self {
        case .classes: ClassesTask.self
        case .number: NumberTask.self
        case .labels: LabelsTask.self
        case .tokens: TokensTask.self
        case .span: SpanTask.self
        case .choice: ChoiceTask.self
        case .contrastive: ContrastiveTask.self
        }
    }
}

/// What decides which epoch is kept.
public enum TaskMetric: String, CaseIterable, Sendable {
    case accuracy
    case macroF1 = "macro_f1"
    /// Of two classes, the second being what is looked for.
    case f1
    case matthews
    case pearson
    case spearman
    /// Of all labels of all texts together.
    case microF1 = "micro_f1"
    /// Texts whose labels are all right.
    case subsetAccuracy = "subset_accuracy"
    /// Area under the receiver operating characteristic: of the second of two classes, or the mean over labels.
    case auc
    /// Of what BIO labels mark.
    case entityF1 = "entity_f1"
    /// Of answers' words, as SQuAD's script counts them.
    case tokenF1 = "token_f1"
    /// Answers that are right word for word.
    case exactMatch = "exact_match"
    /// Of what is looked for, the mean of 1 / rank.
    case reciprocalRank = "reciprocal_rank"

    /// Which tasks it is for, as a configuration names them.
    var kinds: String {
        TaskKind.allCases.filter { $0.definition.metrics.contains(self) }.map(\.rawValue).joined(separator: " or ")
    }
}
