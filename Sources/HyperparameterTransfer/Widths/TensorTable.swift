import Encoder
import Objectives
import Optimization
import Pretraining

/// One row of the list that `--dry-run` prints: what a tensor's rules come to.
public struct TensorRow: Codable, Sendable, Equatable {
    public var name: String
    public var shape: [Int]
    public var role: String
    public var depth: String
    public var widthRatio: Double
    /// Standard deviation of the initial values, before they are cut off at two of them.
    public var initialization: Double
    public var learningRate: Double
    /// What the layer's output is multiplied with.
    public var multiplier: Double
    public var weightDecay: Double
    public var epsilon: Double
}

/// All tensors of a configuration, in the order of the parameter buffer.
public enum TensorTable {
    public static func rows(_ configuration: RunConfiguration) -> [TensorRow] {
        let model = ReplacedTokenModel(
            model: configuration.model, parametrization: configuration.parametrization,
            vocabularySize: configuration.tokenizer.vocabularySize,
            limits: .init(tokens: 8, sequences: 1, longestSegment: 8, maskFraction: 0.15),
            objective: configuration.objective, separateOptimizers: configuration.optimizer.separate,
            movesSharedTwice: configuration.optimizer.sharedTensors == .both)
        let optimizer = configuration.optimizer
        return model.layout.specs.map { spec in
            let scaling = spec.scaling
            let deviation: Double =
                switch spec.initialization {
                case .truncatedNormal(let deviation): deviation * scaling.initialization
                case .uniform(let bound): bound / 3.0.squareRoot() * scaling.initialization
                default: 0
                }
            let tableRate =
                spec.isEmbeddingTable ? configuration.parametrization.embeddingLearningRateMultiplier : 1
            return TensorRow(
                name: spec.name, shape: spec.shape, role: spec.role.rawValue, depth: spec.depth.rawValue,
                widthRatio: spec.widthRatio, initialization: deviation,
                learningRate: optimizer.peakLearningRate * scaling.learningRate * tableRate,
                multiplier: multiplier(spec, model, configuration),
                weightDecay: spec.decays ? optimizer.weightDecay * scaling.weightDecay : 0,
                epsilon: optimizer.epsilon * scaling.epsilon)
        }
    }

    /// Multipliers of the forward pass: logits of both heads (the word table's as output weights) and attention scores.
    private static func multiplier(
        _ spec: ParameterSpec, _ model: ReplacedTokenModel, _ configuration: RunConfiguration
    ) -> Double {
        if spec.name == "generator.head.output.weight" { return model.outputMultipliers.generator }
        if spec.name == "embeddings.word", configuration.model.generator.tiedOutput {
            return model.outputMultipliers.generator
        }
        if spec.role == .readout { return model.outputMultipliers.discriminator }
        guard spec.name.hasSuffix(".query.weight") || spec.name.hasSuffix(".query.bias") else { return 1 }
        let shape =
            spec.name.hasPrefix("generator.")
            ? configuration.model.generatorShape : configuration.model.discriminatorShape
        return configuration.parametrization.attentionScale(headSize: shape.headSize)
    }
}
