import FineTuning
import Foundation
import Pretraining
import Runs
import TestModels
import TestSupport

/// Texts about fair and foul weather with their labels, and a small pretrained model to fine-tune on them.
struct WeatherTexts {
    static let words = [["sunny", "warm", "bright"], ["cold", "rain", "grey"]]
    let folder: TemporaryFolder
    let pretrained: String

    /// Texts, and a model that has hardly seen them.
    ///
    /// - Parameter change: of the model's run.
    init(_ change: (inout RunConfiguration) -> Void = { _ in }) throws {
        folder = try TemporaryFolder()
        var random = SplitMix64(seed: 8)
        let words = Self.words
        func text(_ label: Int) -> String {
            (0..<8).map { _ in
                Bool.random(using: &random)
                    ? words[label].randomElement(using: &random)!
                    : ["the", "day", "was"].randomElement(using: &random)!
            }.joined(separator: " ") + " \(words[label][0])"
        }
        try folder.write((0..<60).map { text($0 % 2) }.joined(separator: "\n\n"), to: "corpus.txt")
        for (name, count) in [("train", 120), ("dev", 40), ("test", 40)] {
            try folder.write(
                (0..<count).map { "{\"text\": \"\(text($0 % 2))\", \"label\": \"\($0 % 2 == 0 ? "fair" : "foul")\"}" }
                    .joined(separator: "\n"), to: "\(name).jsonl")
        }
        var configuration = SmallModel.configuration {
            $0.tokenizer.vocabularySize = 300
            $0.training.steps = 2
            $0.training.batchSize = 4
            $0.corpus.heldOut = 0
            $0.optimizer.warmupSteps = 1
            change(&$0)
        }
        configuration.corpus.sources = [.init(path: folder("corpus.txt"), weight: 1)]
        pretrained = folder("pretrained")
        _ = try Run(
            configuration, output: pretrained, resume: .automatic, threads: 1, progress: ProgressLine(quiet: true),
            report: { _ in }
        ).start()
    }

    /// Of a task that can be learned within seconds.
    var configuration: FineTuningConfiguration {
        var configuration = FineTuningConfiguration()
        configuration.task.train = folder("train.jsonl")
        configuration.task.validation = folder("dev.jsonl")
        configuration.task.test = folder("test.jsonl")
        configuration.training.peakLearningRate = 2e-3
        configuration.training.batchSize = 16
        configuration.training.epochs = 8
        return configuration
    }
}
