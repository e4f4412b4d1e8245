import Configuration

/// `kind: tokens`: every word of a text has a label, such as those of the BIO scheme (Ramshaw and Marcus 1995).
///
/// The first token of a word carries its label, as in BERT (Devlin et al. 2018, section 5.3). Texts that are longer than the
/// model are judged in windows, of which each word counts in the one with most context around it.
struct TokensTask: TaskDefinition {
    static let metrics: [TaskMetric] = [.entityF1, .accuracy]
    static let parts = ["words", "text"]
    static let hasNames = true
    static let labelField = "labels"
    static let readsTokens = true

    let labels: TaskLabels
    private let longTexts: LongTexts
    private let overlap: Int?

    init(_ configuration: FineTuningConfiguration, labels: TaskLabels) {
        self.labels = labels
        longTexts = configuration.training.longTexts
        overlap = configuration.training.windowOverlap
    }

    /// Words with labels, or else a text with spans.
    static func row(_ record: TaskRecord, _ task: TaskConfiguration, needsLabel: Bool) throws -> TaskRow {
        guard let words = try record.list(task.wordsField, separator: " ") else {
            guard let text = try record.text(task.textField) else {
                throw record.error(
                    "has neither words \(task.wordsField) nor a text \(task.textField); there are "
                        + "\(record.known().joined(separator: ", ")) "
                        + (needsLabel
                            ? "(set words_field or text_field)"
                            : "(name the one to read: --words-field or --text-field)"))
            }
            if text.allSatisfy(\.isWhitespace) { throw record.error("has an empty text") }
            var row = TaskRow(text: text, line: record.line)
            guard needsLabel else { return row }
            row.spans = try record.spans(task.spansField, of: text)
            if row.spans == nil { throw record.missing(task.spansField, "spans") }
            return row
        }
        if words.isEmpty { throw record.error("has no words in \(task.wordsField)") }
        var row = TaskRow(text: words.joined(separator: " "), line: record.line)
        row.words = words
        guard needsLabel else { return row }
        row.labels = try record.list(task.labelName, separator: " ")
        if row.labels == nil { throw record.missing(task.labelName, "label") }
        if let labels = row.labels, labels.count != words.count {
            throw record.error("has \(words.count) words and \(labels.count) labels")
        }
        return row
    }

    static func check(learned rows: [TaskRow], _ task: TaskConfiguration, path: String) throws {
        let found = found(rows)
        if found.count < 2 {
            throw TaskError.file(
                path: path, "has one label, \(found.first ?? "none"), with which there is nothing to learn")
        }
    }

    static func names(of rows: [TaskRow], path: String) throws -> [String] {
        try TaskLabels.refuseFractions(rows, path: path) { $0.labels ?? [] }
        return TaskLabels.sorted(found(rows))
    }

    /// Those of spans are listed as the spans have them, or as tags.
    static func names(listed names: [String], _ rows: [TaskRow]) -> [String] {
        rows.contains { $0.spans != nil } && !names.allSatisfy(Entity.isTag) ? tags(of: names) : names
    }

    /// What words have inside and outside of spans.
    private static func tags(of labels: [String]) -> [String] { ["O"] + labels.flatMap { ["B-\($0)", "I-\($0)"] } }

    /// Those of the words; for spans O, and a B- and an I- for every label.
    private static func found(_ rows: [TaskRow]) -> Set<String> {
        var found = Set(rows.flatMap { $0.labels ?? [] })
        for row in rows {
            guard let spans = row.spans else { continue }
            found.formUnion(tags(of: spans.map(\.label)))
        }
        return found
    }

    /// - Throws: `TaskError` where entities are to decide, and there are none.
    static func check(_ names: [String], _ task: TaskConfiguration, path: String) throws {
        if task.decidingMetric == .entityF1, let name = names.first(where: { !Entity.isTag($0) }) {
            throw TaskError.file(
                path: path,
                "has the label \(name), which is none of entities (O, or B-, I-, E-, S- and a name); set metric: accuracy"
            )
        }
    }

    var outputCount: Int { labels.names.count }

    /// The label of words that the model has no token for.
    private var none: Int { labels.names.firstIndex(of: "O") ?? 0 }

    func item(_ row: TaskRow, _ encoder: inout TaskEncoder, for use: TaskUse, path: String) throws -> TaskItem {
        let words = encoder.words(row)
        let names = row.labels ?? row.spans.map { words.labels(of: $0, in: row.text, lost: &encoder.lost) }
        let truth = try names?.map { try labels.index(of: $0, line: row.line, path: path) }
        let room = encoder.longestText - 2
        var windows = TextWindows.windows(words.ids.count, room: room, overlap: overlap ?? room / 4)
        if use == .training {
            if longTexts == .truncate, windows.count > 1 {
                encoder.truncated += 1
                windows = [0..<room]
            }
            let end = windows[windows.count - 1].upperBound
            let seen = words.firstTokens.map { $0.map { $0 < end } ?? false }
            let cut = words.firstTokens.count { $0.map { $0 >= end } ?? false }
            if cut > 0 { encoder.lost.cutWords = (encoder.lost.cutWords ?? 0) + cut }
            encoder.lost.words += seen.count { !$0 }
            encoder.lost.labels += zip(seen, truth ?? []).count { !$0 && labels.names[$1] != "O" }
        }
        var item = TaskItem(row: row, examples: [], truth: truth.map { $0.map { Int32($0) } } ?? [])
        item.ranges = words.ranges
        var owned = [[Int]](repeating: [], count: windows.count)
        for (word, token) in words.firstTokens.enumerated() {
            guard let token, token < windows[windows.count - 1].upperBound else { continue }
            owned[TextWindows.owner(of: token, windows)].append(word)
        }
        for (window, words_) in zip(windows, owned) where !words_.isEmpty {
            item.examples.append(
                TaskExample(
                    tokens: [encoder.special.classification] + words.ids[window] + [encoder.special.separator],
                    places: words_.map { (words.firstTokens[$0] ?? 0) - window.lowerBound + 1 },
                    target: truth.map { truth in .words(words_.map { truth[$0] }) },
                    // So that every word of a step weighs alike.
                    weight: Double(words_.count)))
            item.parts.append(words_.map { $0..<$0 + 1 })
        }
        return item
    }

    /// The logits of every word; nil for one that the model has no token for.
    private func logits(_ item: TaskItem, _ outputs: [[Float]]) -> [[Float]?] {
        var result = [[Float]?](repeating: nil, count: item.row.words?.count ?? item.ranges.count)
        for (outputs, parts) in zip(outputs, item.parts) {
            for (place, part) in parts.enumerated() {
                result[part.lowerBound] = Array(outputs[place * outputCount..<(place + 1) * outputCount])
            }
        }
        return result
    }

    /// The names of the likeliest labels.
    private func names(_ logits: [[Float]?]) -> [String] { logits.map { labels.names[$0?.indexOfLargest ?? none] } }

    func scores(_ items: [TaskItem], _ outputs: [[[Float]]]) -> TaskScores {
        var (loss, weight) = (0.0, 0.0)
        for (item, outputs) in zip(items, outputs) {
            for (example, outputs) in zip(item.examples, outputs) {
                guard let target = example.target else { continue }
                loss += example.weight * TaskLoss.loss(outputs, target)
                weight += example.weight
            }
        }
        return TaskScores(
            loss: loss / max(weight, 1), predicted: zip(items, outputs).map { names(logits($0, $1)) },
            labels: items.map { $0.truth.map { labels.names[Int($0)] } })
    }

    func prediction(_ item: TaskItem, _ outputs: [[Float]]) -> FineTunedModel.Prediction {
        let logits = logits(item, outputs)
        let names = names(logits)
        let probabilities = logits.map { $0.map { TaskLoss.probabilities($0).max() ?? 1 } ?? 1 }
        if item.row.words != nil { return .init(labels: names, wordProbabilities: probabilities) }
        let characters = TextCharacters(item.row.text)
        let scalars = Array(item.row.text.unicodeScalars)
        return .init(
            spans: Entity.entities(names).map { entity in
                let bytes =
                    item.ranges[entity.words.lowerBound]
                    .lowerBound..<item.ranges[entity.words.upperBound - 1].upperBound
                let range = characters.characters(bytes)
                var text = String.UnicodeScalarView()
                text.append(contentsOf: scalars[range])
                return TextSpan(
                    start: range.lowerBound, end: range.upperBound, label: entity.name, text: String(text),
                    probability: probabilities[entity.words].min())
            })
    }
}
