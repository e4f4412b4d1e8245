import Configuration
import Foundation
import Tokenization

/// `kind: span`: the answer to a question is a part of a context, or is not there (SQuAD, Rajpurkar et al. 2016 and 2018).
///
/// The head scores every token of the context as the first and as the last of the answer, and [CLS] as both where there is no
/// answer (Devlin et al. 2018, section 4.3). Contexts that are longer than the model are read in windows, in training too.
struct SpanTask: TaskDefinition {
    static let metrics: [TaskMetric] = [.tokenF1, .exactMatch]
    static let parts = ["question", "context"]
    static let hasNames = false
    static let labelField = "answers"
    static let readsTokens = true

    /// What questions have, as labels that are kept with a model: whether it may say that there is no answer.
    private static let answered = "answer"
    static let unanswered = "no answer"

    private let mayDecline: Bool
    private let overlap: Int?
    private let longestAnswer: Int
    private let threshold: Double

    init(_ configuration: FineTuningConfiguration, labels: TaskLabels) {
        mayDecline = labels.names.contains(Self.unanswered)
        overlap = configuration.training.windowOverlap
        longestAnswer = configuration.task.longestAnswer
        threshold = configuration.task.noAnswerThreshold
    }

    static func check(_ configuration: FineTuningConfiguration) throws {
        try refuseOrders(configuration)
        if !configuration.task.labels.isEmpty { throw InvalidSetting("labels", "are not for kind: span") }
    }

    static func row(_ record: TaskRecord, _ task: TaskConfiguration, needsLabel: Bool) throws -> TaskRow {
        let context = try record.neededText(task.contextField, "context")
        var row = TaskRow(text: try record.neededText(task.questionField, "question"), pair: context, line: record.line)
        guard needsLabel else { return row }
        if record.isTable { throw record.error("is a row of a table; answers of kind: span need .jsonl") }
        row.answers = try record.answers(task.labelName, in: context)
        if row.answers == nil { throw record.missing(task.labelName, "label") }
        return row
    }

    static func check(learned rows: [TaskRow], _ task: TaskConfiguration, path: String) throws {
        if rows.allSatisfy({ $0.answers?.isEmpty ?? true }) {
            throw TaskError.file(path: path, "has no answers, without which there is nothing to learn")
        }
    }

    static func names(of rows: [TaskRow], path: String) throws -> [String] {
        [answered] + (rows.contains { $0.answers?.isEmpty ?? false } ? [unanswered] : [])
    }

    /// The context, so that all questions on one are on the same side.
    static func textToSplitBy(_ row: TaskRow) -> String { row.pair ?? "" }

    /// The first and the last token.
    let outputCount = 2

    func item(_ row: TaskRow, _ encoder: inout TaskEncoder, for use: TaskUse, path: String) throws -> TaskItem {
        let context = row.pair ?? ""
        var question = encoder.ids(row.text)
        let tokens = encoder.tokens(context)
        let room = encoder.longestText - 3
        if room < 2 {
            throw TaskError.file(
                path: path, "has questions and contexts, for which training.maximum_length is too small")
        }
        if question.count > room / 2 {
            encoder.truncated += 1
            question.removeLast(question.count - room / 2)
        }
        let space = room - question.count
        let windows = TextWindows.windows(tokens.ids.count, room: space, overlap: min(overlap ?? space / 4, space / 2))
        // The tokens of the first answer; there is none behind a nil.
        let answer = row.answers?.first.flatMap { Self.tokens(of: $0, tokens, context) }
        if use == .training, row.answers?.first != nil,
            answer.map({ answer in
                !windows.contains { $0.contains(answer.lowerBound) && $0.contains(answer.upperBound - 1) }
            })
                ?? true
        {
            encoder.lost.answers += 1
        }
        var item = TaskItem(row: row, examples: [], truth: Self.truth(row))
        for window in windows {
            var target: TaskTarget?
            if row.answers != nil {
                // Place 0 is [CLS].
                let isInside =
                    answer.map { window.lowerBound <= $0.lowerBound && $0.upperBound <= window.upperBound } ?? false
                target =
                    isInside
                    ? answer.map { .span($0.lowerBound - window.lowerBound + 1, $0.upperBound - window.lowerBound) }
                    : .span(0, 0)
            }
            let start = question.count + 2
            item.examples.append(
                TaskExample(
                    tokens: [encoder.special.classification] + question + [encoder.special.separator]
                        + tokens.ids[window] + [encoder.special.separator],
                    pairStart: start, places: [0] + window.indices.map { start + $0 - window.lowerBound },
                    target: target))
            item.parts.append([0..<0] + tokens.ranges[window])
        }
        return item
    }

    private static func tokens(of answer: TaskAnswer, _ tokens: TextTokens, _ context: String) -> Range<Int>? {
        let bytes = TextCharacters(context).bytes(answer.start..<answer.start + answer.text.unicodeScalars.count)
        guard let first = tokens.ranges.firstIndex(where: { $0.overlaps(bytes) }),
            let last = tokens.ranges.lastIndex(where: { $0.overlaps(bytes) })
        else { return nil }
        return first..<last + 1
    }

    private static func truth(_ row: TaskRow) -> [Int32] {
        guard let answers = row.answers else { return [] }
        return answers.isEmpty ? [-1] : answers.flatMap { [Int32($0.start), Int32($0.text.utf8.count)] }
    }

    /// An answer and how much likelier it is than none, as a difference of logits.
    private struct Found {
        /// Nil for no answer.
        var bytes: Range<Int>?
        var score: Double
        /// Among all parts of the context, and no answer where there may be none.
        var probability: Double
    }

    /// The best of all windows; no answer where every window finds that likelier.
    private func found(_ item: TaskItem, _ outputs: [[Float]]) -> Found {
        var best: (bytes: Range<Int>, score: Double)?
        // The sum of e^(score − top), with the largest score so far as top.
        var (top, total) = (-Double.infinity, 0.0)
        func count(_ score: Double) {
            if score > top {
                total *= top == -.infinity ? 0 : exp(top - score)
                top = score
            }
            total += exp(score - top)
        }
        var none = Double.infinity
        for (outputs, parts) in zip(outputs, item.parts) {
            func start(_ place: Int) -> Double { Double(outputs[2 * place]) }
            func end(_ place: Int) -> Double { Double(outputs[2 * place + 1]) }
            none = min(none, start(0) + end(0))
            for first in parts.indices.dropFirst() {
                for last in first..<min(first + longestAnswer, parts.count) {
                    let score = start(first) + end(last)
                    count(score)
                    if score > best?.score ?? -.infinity {
                        best = (parts[first].lowerBound..<parts[last].upperBound, score)
                    }
                }
            }
        }
        if mayDecline { count(none) }
        func probability(_ score: Double) -> Double { exp(score - top) / total }
        guard let best, !mayDecline || best.score + threshold >= none else {
            return Found(
                bytes: nil, score: (best?.score ?? none) - none, probability: mayDecline ? probability(none) : 1)
        }
        return Found(bytes: best.bytes, score: best.score - none, probability: probability(best.score))
    }

    func scores(_ items: [TaskItem], _ outputs: [[[Float]]]) -> TaskScores {
        let losses = zip(items, outputs).flatMap { item, outputs in
            zip(item.examples, outputs).map { example, outputs in
                example.target.map { TaskLoss.loss(outputs, $0) } ?? .nan
            }
        }
        return TaskScores(
            loss: TaskLoss.mean(losses),
            answers: zip(items, outputs).map { prediction($0, $1).answer ?? "" },
            truths: items.map { ($0.row.answers ?? []).map(\.text) })
    }

    func prediction(_ item: TaskItem, _ outputs: [[Float]]) -> FineTunedModel.Prediction {
        let found = found(item, outputs)
        guard let bytes = found.bytes else {
            return .init(answer: "", score: found.score, probability: found.probability)
        }
        let context = item.row.pair ?? ""
        let scalars = Array(context.unicodeScalars)
        // Tokens bring the space before them.
        var range = TextCharacters(context).characters(bytes)
        while let first = range.first, scalars[first].properties.isWhitespace { range = first + 1..<range.upperBound }
        while let last = range.last, scalars[last].properties.isWhitespace { range = range.lowerBound..<last }
        return .init(
            answer: String(String.UnicodeScalarView(scalars[range])), start: range.lowerBound, score: found.score,
            probability: found.probability)
    }
}
