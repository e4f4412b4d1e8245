import Corpus
import Formatting
import Foundation
import Tokenization

/// A task's texts as the model reads them.
struct TaskData {
    var training: [TaskItem] = []
    var validation: [TaskItem] = []
    var test: [TaskItem]?
    let labels: TaskLabels
    let definition: any TaskDefinition
    /// Texts that were cut, of those that were read.
    let truncated: Int
    let texts: Int
    /// Whether texts are pairs; nil for kinds of task that do not ask.
    let arePairs: Bool?
    /// How many training texts (words, of kind: tokens) have each label, where labels have names.
    let labelCounts: [Int]?
    let lost: LostInputs
    /// Tokens that have to be carried together.
    var longestExample: Int { training.flatMap(\.examples).map(\.tokenCount).max() ?? 0 }
    /// Of everything that training depends on, so that other text is noticed.
    var digest: UInt64 {
        var numbers: [Int32] = []
        for item in training + validation {
            for segment in item.examples.flatMap(\.segments) { numbers += segment.tokens }
            numbers += item.truth + [-2]
        }
        return numbers.withUnsafeBytes { XXHash64.hash($0, seed: 1) }
    }

    /// - Throws: `TaskError`, `TextFileFailure`.
    init(_ configuration: FineTuningConfiguration, tokenizer: Tokenizer, longestText: Int) throws {
        let task = configuration.task
        let fields = TaskTable.Fields(task)
        let rows = try TaskTable.read(task.train, fields)
        let labels = try TaskLabels(task, of: rows, path: task.train)
        let definition = task.kind.definition.init(configuration, labels: labels)
        self.labels = labels
        self.definition = definition
        let arePairs = task.kind.definition.mayBePairs ? rows[0].pair != nil : nil
        self.arePairs = arePairs
        try arePairs.map { try TaskRow.refuseMixed(rows, isPairs: $0, path: task.train) }
        var encoder = try TaskEncoder(tokenizer, longestText: longestText)
        func items(_ rows: [TaskRow], _ path: String, for use: TaskUse) throws -> [TaskItem] {
            try rows.map { try definition.item($0, &encoder, for: use, path: path) }
        }
        var count = rows.count
        func judgedItems(_ rows: [TaskRow], _ path: String) throws -> [TaskItem] {
            try arePairs.map { try TaskRow.refuseMixed(rows, isPairs: $0, path: path) }
            try definition.check(judged: rows, path: path)
            return try items(rows, path, for: .judging)
        }
        if let path = task.validation {
            training = try items(rows, task.train, for: .training)
            let rows = try TaskTable.read(path, fields)
            count += rows.count
            validation = try judgedItems(rows, path)
        } else {
            let split = HeldOutSplit(fraction: task.validationFraction)
            let (kept, held) = rows.reduce(into: ([TaskRow](), [TaskRow]())) { halves, row in
                // A symmetric pair that stands in a file in both orders must not be on both sides.
                let text =
                    task.symmetric
                    ? [row.text, row.pair ?? ""].sorted().joined(separator: "\n")
                    : type(of: definition).textToSplitBy(row)
                let isHeld = Array(text.utf8).withUnsafeBytes { split.isHeldOut($0) }
                if isHeld { halves.1.append(row) } else { halves.0.append(row) }
            }
            guard !held.isEmpty, !kept.isEmpty else {
                throw TaskError.file(
                    path: task.train,
                    "has too few texts for validation_fraction \(task.validationFraction): name a file for validation")
            }
            training = try items(kept, task.train, for: .training)
            validation = try judgedItems(held, task.train)
        }
        if let path = task.test {
            let rows = try TaskTable.read(path, fields)
            count += rows.count
            test = try judgedItems(rows, path)
            try definition.check(tested: rows, path: path, validation: validation.map(\.row))
        }
        labelCounts =
            task.kind.definition.hasNames
            ? training.reduce(into: [Int](repeating: 0, count: labels.names.count)) { counts, item in
                for label in item.truth where label >= 0 { counts[Int(label)] += 1 }
            } : nil
        let unknown = tokenizer.unknownTokens(in: training)
        training = training.flatMap(\.singleOrders)
        definition.weigh(&training)
        truncated = encoder.truncated
        texts = count
        var lost = encoder.lost
        if unknown > 0 { lost.unknownTokens = unknown }
        self.lost = lost
        training.removeAll(where: \.examples.isEmpty)
        if training.isEmpty { throw TaskError.file(path: task.train, "holds nothing that the model reads") }
    }
}

extension TaskData {
    /// What labels there are, and how many texts have each.
    var labelNote: String? {
        guard let labelCounts else { return nil }
        let shown = zip(labels.names, labelCounts).prefix(20).map { "\($0) \(CountFormat.grouped($1))" }
        return "labels of the training texts: " + shown.joined(separator: ", ")
            + (labelCounts.count > shown.count ? " and \(labelCounts.count - shown.count) more" : "")
    }
}

extension Tokenizer {
    /// How many tokens of texts stand for what the vocabulary has nothing for; of a pair in both orders, those of one.
    func unknownTokens(in items: [TaskItem]) -> Int {
        guard let unknownID else { return 0 }
        return items.reduce(0) { sum, item in
            item.examples.prefix(item.examples.count / item.orders).flatMap(\.segments).reduce(sum) {
                $0 + $1.tokens.count { $0 == unknownID }
            }
        }
    }
}
