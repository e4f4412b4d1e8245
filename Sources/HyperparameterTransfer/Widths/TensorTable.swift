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
        return model.layout.specs.map { spec in
            let isGenerators =
                configuration.optimizer.separate && model.layout.secondGroupStart.map { spec.offset < $0 } ?? false
            let optimizer = isGenerators ? configuration.optimizer.ofGenerator : configuration.optimizer
            let isMuons = configuration.optimizer.kind == .muon && Muon.moves(spec)
            let muon = optimizer.muon
            let scaling = isMuons ? Muon.scaling(spec, muon) : spec.scaling
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
                learningRate: isMuons
                    ? muon.peakLearningRate * scaling.learningRate
                        * muon.scale(rows: spec.shape[0], columns: spec.shape[1])
                    : optimizer.peakLearningRate * scaling.learningRate * tableRate,
                multiplier: multiplier(spec, model, configuration),
                weightDecay: spec.decays
                    ? (isMuons ? muon.weightDecay : optimizer.weightDecay) * scaling.weightDecay : 0,
                epsilon: isMuons ? 0 : optimizer.epsilon * scaling.epsilon)
        }
    }

    /// The rows with equal layers as one: `discriminator.layers.0–11.attention.query.weight`.
    public static func grouped(_ rows: [TensorRow]) -> [TensorRow] {
        var result: [TensorRow] = []
        /// Where the row of a tensor's layers stands in `result`, with the numbers of its layers.
        var groups: [String: [(place: Int, layers: [Int])]] = [:]
        for row in rows {
            let parts = row.name.split(separator: ".", omittingEmptySubsequences: false)
            guard let index = parts.firstIndex(of: "layers"), index + 1 < parts.count, let layer = Int(parts[index + 1])
            else {
                result.append(row)
                continue
            }
            var pattern = parts.map(String.init)
            pattern[index + 1] = "*"
            let key = pattern.joined(separator: ".")
            var like = row
            let found = groups[key]?.firstIndex { group in
                like.name = result[group.place].name
                return result[group.place] == like
            }
            if let found {
                groups[key]?[found].layers.append(layer)
            } else {
                groups[key, default: []].append((result.count, [layer]))
                result.append(row)
            }
        }
        for (key, found) in groups {
            for group in found where group.layers.count > 1 {
                result[group.place].name = key.replacing("*", with: ranges(group.layers))
            }
        }
        return result
    }

    /// `0–3,5`.
    private static func ranges(_ numbers: [Int]) -> String {
        var runs: [ClosedRange<Int>] = []
        for number in numbers {
            if let last = runs.last, last.upperBound + 1 == number {
                runs[runs.count - 1] = last.lowerBound...number
            } else {
                runs.append(number...number)
            }
        }
        return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)–\($0.upperBound)" }
            .joined(separator: ",")
    }

    /// Multipliers of the forward pass: logits of both heads (the word table's as output weights) and attention scores.
    private static func multiplier(
        _ spec: ParameterSpec, _ model: ReplacedTokenModel, _ configuration: RunConfiguration
    ) -> Double {
        if spec.name == "generator.head.output.weight" { return model.outputMultipliers.generator }
        // The table that the generator predicts with, its own or shared.
        if ["embeddings.word", "generator.embeddings.word"].contains(spec.name),
            configuration.model.generator.tiedOutput,
            model.layout.embedding("word", of: .generator)?.parameter == spec.name
        {
            return model.outputMultipliers.generator
        }
        if spec.role == .readout { return model.outputMultipliers.discriminator }
        guard spec.name.hasSuffix(".query.weight") || spec.name.hasSuffix(".query.bias") else { return 1 }
        let network = spec.name.hasPrefix("generator.") ? NetworkKind.generator : .discriminator
        return network.attentionScale(configuration.model, configuration.parametrization)
    }
}
