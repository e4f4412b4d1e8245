import Foundation

/// What a learning rate came to where several are tried.
public struct RateTrial: Codable, Equatable, Sendable {
    public var learningRate: Double
    /// What decides; nil where it diverged.
    public var score: Double?

    public init(learningRate: Double, score: Double?) {
        self.learningRate = learningRate
        self.score = score
    }

    /// `0.001: 0.8590, 0.003: diverged`.
    public static func text(_ trials: [RateTrial]) -> String {
        trials.map { "\(number($0.learningRate)): \($0.score.map { String(format: "%.4f", $0) } ?? "diverged")" }
            .joined(separator: ", ")
    }

    /// A learning rate in tables, and in names of folders.
    public static func number(_ learningRate: Double) -> String { String(format: "%.3g", learningRate) }
}
