import Configuration
import Pretraining

/// What can be searched at a proxy because it transfers across width.
public enum Hyperparameter: String, CaseIterable, Codable, Sendable, CodingKeyRepresentable {
    case learningRate = "learning_rate"
    /// Of Muon's matrices.
    case muonLearningRate = "muon_learning_rate"
    case embeddingLearningRateMultiplier = "embedding_learning_rate_multiplier"
    case outputMultiplier = "output_multiplier"
    case attentionMultiplier = "attention_multiplier"
    case initializationMultiplier = "initialization_multiplier"

    /// The key of the configuration.
    public var key: String {
        switch self {
        case .learningRate: "optimizer.peak_learning_rate"
        case .muonLearningRate: "optimizer.muon.peak_learning_rate"
        default: "parametrization.\(rawValue)"
        }
    }

    public func value(in configuration: RunConfiguration) -> Double {
        switch self {
        case .learningRate: configuration.optimizer.peakLearningRate
        case .muonLearningRate: configuration.optimizer.muon.peakLearningRate
        case .embeddingLearningRateMultiplier: configuration.parametrization.embeddingLearningRateMultiplier
        case .outputMultiplier: configuration.parametrization.outputMultiplier
        case .attentionMultiplier: configuration.parametrization.attentionMultiplier
        case .initializationMultiplier: configuration.parametrization.initializationMultiplier
        }
    }

    public func set(_ value: Double, in configuration: inout RunConfiguration) {
        switch self {
        case .learningRate:
            // A generator's own rate keeps its proportion: one of two would otherwise be searched, and the other not.
            if let own = configuration.optimizer.generator.peakLearningRate,
                configuration.optimizer.peakLearningRate > 0
            {
                configuration.optimizer.generator.peakLearningRate =
                    own * value / configuration.optimizer.peakLearningRate
            }
            configuration.optimizer.peakLearningRate = value
        case .muonLearningRate:
            let before = configuration.optimizer.muon.peakLearningRate
            if let own = configuration.optimizer.generator.muonPeakLearningRate, before > 0 {
                configuration.optimizer.generator.muonPeakLearningRate = own * value / before
            }
            configuration.optimizer.muon.peakLearningRate = value
        case .embeddingLearningRateMultiplier: configuration.parametrization.embeddingLearningRateMultiplier = value
        case .outputMultiplier: configuration.parametrization.outputMultiplier = value
        case .attentionMultiplier: configuration.parametrization.attentionMultiplier = value
        case .initializationMultiplier: configuration.parametrization.initializationMultiplier = value
        }
    }

    /// Multiplies the learning rates of whatever there is.
    static func scaleRates(by factor: Double, in configuration: inout RunConfiguration) {
        let rates: [Hyperparameter] =
            [.learningRate] + (configuration.optimizer.kind == .muon ? [.muonLearningRate] : [])
        for rate in rates { rate.set(rate.value(in: configuration) * factor, in: &configuration) }
    }

    /// - Throws: `TransferError.invalid`, naming what there is.
    init(named name: String) throws {
        // What people write for it.
        let alias = ["lr": Self.learningRate, "peak_learning_rate": .learningRate]
        guard let found = Self(rawValue: name) ?? alias[name] ?? Self.allCases.first(where: { $0.key == name }) else {
            throw TransferError.invalid(
                "--search: there is no hyperparameter \"\(name)\" to search; there are "
                    + Self.allCases.map(\.rawValue).joined(separator: ", "))
        }
        self = found
    }
}
