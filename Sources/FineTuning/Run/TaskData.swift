import Corpus
import Foundation
import Tokenization

/// A task's texts as the model reads them.
struct TaskData {
    var training: [TaskExample] = []
    var validation: [TaskExample] = []
    var test: [TaskExample]?
    let labels: TaskLabels
    /// Texts that were cut, of those that were read.
    let truncated: Int
    let texts: Int
    /// In how many orders each text stands among the examples, one after another.
    let orders: Int
    /// Of everything that training depends on, so that other text is noticed.
    var digest: UInt64 {
        let numbers = (training + validation).flatMap { example -> [Int32] in
            let target: Int32 =
                switch example.target {
                case .label(let label): Int32(label)
                case .number(let number): Int32(truncatingIfNeeded: number.bitPattern.hashable)
                case nil: -1
                }
            return example.tokens + [target, -2]
        }
        return numbers.withUnsafeBytes { XXHash64.hash($0, seed: 1) }
    }

    /// - Throws: `TaskError`, `TextFileFailure`.
    init(_ configuration: FineTuningConfiguration, tokenizer: ByteLevelBPE, longestText: Int) throws {
        let task = configuration.task
        orders = task.orders
        let fields = TaskTable.Fields(task)
        let rows = try TaskTable.read(task.train, fields)
        let labels = try TaskLabels(task, of: rows, path: task.train)
        self.labels = labels
        var encoder = try TaskEncoder(tokenizer, longestText: longestText)
        func examples(_ rows: [TaskRow], _ path: String) throws -> [TaskExample] {
            try rows.flatMap { row in
                try encoder.orders(
                    of: row, target: try labels.target(row, kind: task.kind, path: path), isSymmetric: task.symmetric,
                    path: path)
            }
        }
        var count = rows.count
        if let path = task.validation {
            training = try examples(rows, task.train)
            let rows = try TaskTable.read(path, fields)
            count += rows.count
            validation = try examples(rows, path)
        } else {
            let split = HeldOutSplit(fraction: task.validationFraction)
            let (kept, held) = rows.reduce(into: ([TaskRow](), [TaskRow]())) { halves, row in
                // A symmetric pair that stands in a file in both orders must not be on both sides.
                let parts = [row.text, row.pair ?? ""]
                let text = Array((task.symmetric ? parts.sorted() : parts).joined(separator: "\n").utf8)
                if text.withUnsafeBytes({ split.isHeldOut($0) }) { halves.1.append(row) } else { halves.0.append(row) }
            }
            guard !held.isEmpty, !kept.isEmpty else {
                throw TaskError.file(
                    path: task.train,
                    "has too few texts for validation_fraction \(task.validationFraction): name a file for validation")
            }
            training = try examples(kept, task.train)
            validation = try examples(held, task.train)
        }
        if let path = task.test {
            let rows = try TaskTable.read(path, fields)
            count += rows.count
            test = try examples(rows, path)
        }
        if configuration.training.classWeights == .balanced {
            var counts = [Int](repeating: 0, count: labels.names.count)
            for case .label(let label)? in training.map(\.target) { counts[label] += 1 }
            for index in training.indices {
                guard case .label(let label)? = training[index].target else { continue }
                training[index].weight = Double(training.count) / Double(counts.count * counts[label])
            }
        }
        truncated = encoder.truncated
        texts = count
    }
}

extension UInt64 {
    fileprivate var hashable: UInt64 { self ^ (self >> 32) }
}
