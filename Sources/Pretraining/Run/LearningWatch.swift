import Objectives

/// Sees what a user would want to know while training goes on: text that is read over and over, and losses in training that
/// leave those on held-out text behind.
struct LearningWatch {
    /// Complete passes over a source at which a word is said.
    private static let passes = [10, 40, 160]
    /// Difference of the losses, in nats, from which on it is one of learning by heart.
    private static let gap = 0.5

    private var sums = LossSums()
    private var lastHeldOut: [String: Double] = [:]
    private static let (generator, prediction) = ("generator", "prediction")

    mutating func add(_ sums: LossSums) { self.sums += sums }

    /// Takes up the losses of the last evaluation before an interruption.
    mutating func resume(generator: Double?, prediction: Double?) {
        (lastHeldOut[Self.generator], lastHeldOut[Self.prediction]) = (generator, prediction)
    }

    /// - Parameters:
    ///   - before, now: complete passes over each source.
    ///   - paths: of the sources.
    /// - Returns: warnings.
    func repetition(from before: [Int], to now: [Int], paths: [String]) -> [String] {
        zip(zip(before, now), paths).compactMap { passes, path in
            guard let reached = Self.passes.last(where: { passes.0 < $0 && $0 <= passes.1 }) else { return nil }
            return
                "\(path) has been read \(reached) times: more of the same teaches little; add text, lower its weight, or "
                + "lower training.steps"
        }
    }

    /// Compares an evaluation with the training since the one before.
    ///
    /// - Returns: a warning.
    mutating func gap(_ report: EvaluationReport) -> String? {
        let before = lastHeldOut
        defer {
            sums = LossSums()
            resume(generator: report.generatorLoss, prediction: report.correctiveLoss)
        }
        let pairs = [
            (report.generatorLoss, sums.maskedCount > 0 ? sums.meanGeneratorLoss : nil, Self.generator),
            (report.correctiveLoss, sums.correctiveCount > 0 ? sums.meanCorrectiveLoss : nil, Self.prediction),
        ]
        guard case (let heldOut?, let training?, let name)? = pairs.first(where: { $0.0 != nil && $0.1 != nil }) else {
            return nil
        }
        guard let before = before[name], heldOut > before, heldOut - training > Self.gap else { return nil }
        func text(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
        return "the held-out \(name) loss rises (\(text(before)), now \(text(heldOut))) while in training it is "
            + "\(text(training)): the model learns the text by heart; stop here, add text or make the model smaller"
    }
}
