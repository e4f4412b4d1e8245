import Configuration

/// Labelled texts, and what is to be learned from them.
public struct TaskConfiguration: Configurable, Equatable {
    public var kind = TaskKind.classes
    public var train = ""
    public var validation: String?
    public var test: String?
    public var validationFraction = 0.1
    public var textField = "text"
    public var pairField: String?
    public var negativeField: String?
    public var symmetric = false
    public var labelField: String?
    public var labelSeparator = ","
    public var wordsField = "words"
    public var spansField = "spans"
    public var questionField = "question"
    public var contextField = "context"
    public var choicesField = "choices"
    public var choiceFields: [String] = []
    public var longestAnswer = 30
    public var noAnswerThreshold = 0.0
    public var labels: [String] = []
    public var metric: TaskMetric?

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.choice("kind", &kind, TaskKind.help)
        try fields.text(
            "train", &train,
            "Labelled texts: .jsonl, .tsv or .csv (with a header), plain or .gz, .zst, .lz4; relative to the task's file."
        )
        try fields.text(
            "validation", &validation, "The same, to choose the best epoch by; null: validation_fraction of train.")
        try fields.text("test", &test, "The same, to report on at the end; null for none.")
        try fields.number(
            "validation_fraction", &validationFraction, 0.01...0.5,
            "Share of train that is kept for validation, by a hash of the text, where there is no file for it.")
        try fields.text("text_field", &textField, "Member or column that holds the text.")
        try fields.text(
            "pair_field", &pairField, "That of the second text of a pair; null: text_pair if the file has it.")
        try fields.text(
            "negative_field", &negativeField,
            "kind: contrastive: that of a text which does not belong to the text; null: negative if the file has it.")
        try fields.flag(
            "symmetric", &symmetric,
            "Pairs mean the same in both orders: both are trained on, which doubles the texts of an epoch, and what is said of a "
                + "pair is the mean of both. kind: contrastive: each of a pair has to find the other.")
        try fields.text(
            "label_field", &labelField,
            "That of the label; null: label; labels where there are several; answers for kind: span.")
        try fields.text(
            "label_separator", &labelSeparator, "Stands between the labels of a text, where they are no JSON list.")
        try fields.text(
            "words_field", &wordsField,
            "kind: tokens: that of the words, a list with as many labels, or separated by spaces.")
        try fields.text(
            "spans_field", &spansField,
            "kind: tokens: without words, that of the labelled parts of the text, objects with start, end and label.")
        try fields.text("question_field", &questionField, "kind: span: that of the question.")
        try fields.text(
            "context_field", &contextField,
            "kind: span: that of the text that answers it; kind: choice: that of the text that a choice goes with.")
        try fields.text("choices_field", &choicesField, "kind: choice: that of the list of choices.")
        try fields.texts("choice_fields", &choiceFields, "Instead, members or columns with a choice each.")
        try fields.integer("longest_answer", &longestAnswer, 1...1_048_576, "kind: span: most tokens of an answer.")
        try fields.number(
            "no_answer_threshold", &noAnswerThreshold, -1e9...1e9,
            "kind: span: no answer is given where that is likelier by more than this, as a difference of logits.")
        try fields.texts(
            "labels", &labels,
            "Names of the labels, in order; []: those of train, sorted; for kind: choice 0, 1, … in the order of choices. Of spans "
                + "their labels, which stand for O, B- and I-."
        )
        try fields.text(
            "metric", optionalChoice: &metric,
            "What decides which epoch is kept (f1 and auc of two classes: of the second)",
            otherwise: "the kind's own")
    }

    public func validate() throws {
        if train.isEmpty { throw InvalidSetting("train", "is empty; name a file of labelled texts") }
        if labelSeparator.isEmpty {
            throw InvalidSetting("label_separator", "is empty; name what stands between labels")
        }
        if Set(labels).count < labels.count { throw InvalidSetting("labels", "has a name twice") }
        if let metric, !kind.definition.metrics.contains(metric) {
            throw InvalidSetting("metric", "\(metric.rawValue) is for kind: \(metric.kinds)")
        }
    }

    /// The member or column that holds the label.
    var labelName: String { labelField ?? kind.definition.labelField }

    /// What decides which epoch is kept.
    public var decidingMetric: TaskMetric { metric ?? kind.definition.metrics[0] }

    /// The same, of the kind's own the first that there is.
    public func decidingMetric(of scores: TaskScores) -> TaskMetric {
        metric ?? kind.definition.metrics.first { scores[$0] != nil } ?? decidingMetric
    }
}

extension FieldVisitor {
    /// A choice that may be left out.
    mutating func text<Choice>(
        _ key: String, optionalChoice value: inout Choice?, _ help: String, otherwise: String
    ) throws where Choice: RawRepresentable & CaseIterable, Choice.RawValue == String {
        let choices = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        var name = value?.rawValue
        try text(key, &name, "\(help): \(choices); null: \(otherwise).")
        if let name, Choice(rawValue: name) == nil {
            throw InvalidSetting(key, "\(name) is none of \(choices)")
        }
        value = name.flatMap(Choice.init(rawValue:))
    }
}
