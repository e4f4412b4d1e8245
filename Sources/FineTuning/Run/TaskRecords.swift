import Foundation
import Runs

/// One line of `metrics.jsonl`.
public struct TaskStepRecord: RunRecord {
    public var loss: Double
    public var learningRate: Double
    public var gradientNorm: Double
    public var textsPerSecond: Double
    public var tokensPerSecond: Double
    public var epoch: Double

    public var scalars: [(tag: String, value: Double)] {
        [
            ("train/loss", loss), ("train/learning_rate", learningRate), ("train/gradient_norm", gradientNorm),
            ("speed/texts_per_second", textsPerSecond), ("speed/tokens_per_second", tokensPerSecond),
        ]
    }

    public var progressFields: [ProgressField] {
        [ProgressField(String(format: "loss %.4f", loss)), ProgressField("\(Int(textsPerSecond)) texts/s")]
    }
}

/// Scores on the validation texts after an epoch.
public struct TaskEvaluation: RunEvaluation {
    public var step: Int
    public var epoch: Int
    public var validation: TaskScores
    /// Whether it is the best so far.
    public var isBest: Bool

    public var logged: TaskEvaluation { self }

    public var scalars: [(tag: String, value: Double)] {
        (validation.loss.map { [("validation/loss", $0)] } ?? [])
            + TaskMetric.allCases.compactMap { metric in
                validation[metric].map { ("validation/\(metric.rawValue)", $0) }
            }
    }
}
