/// What a task's labels are.
public enum TaskKind: String, CaseIterable, Sendable {
    /// One of several classes.
    case classes
    /// A number.
    case number

    var definition: any TaskDefinition.Type {
        switch self {
        case .classes: ClassesTask.self
        case .number: NumberTask.self
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

    /// Which tasks it is for, as a configuration names them.
    var kinds: String {
        TaskKind.allCases.filter { $0.definition.metrics.contains(self) }.map(\.rawValue).joined(separator: " or ")
    }
}
