import Corpus
import Encoder
import Engine
import Objectives

/// Measures layers on a fixed set of batches.
///
/// A layer is removed by letting it pass on its input; masking and samples' random numbers stay, so a loss changes by
/// what the layer does and by nothing else.
public struct LayerAnalyzer {
    private let batches: [TokenBatch]

    public init(batches: [TokenBatch]) { self.batches = batches }

    /// - Parameters:
    ///   - engine: with the weights of the model; its weights stay as they are.
    ///   - progress: called with the share that is done.
    public func analyze(
        _ engine: TrainingEngine, label: String, step: Int, progress: (Double) -> Void = { _ in }
    ) throws -> ModelAnalysis {
        let networks = NetworkKind.allCases.filter { Self.layerCount(engine, $0) > 0 }
        let layers = networks.reduce(0) { $0 + Self.layerCount(engine, $1) }
        // A backward pass costs twice a forward pass.
        let total = Double(layers + 4)
        var done = 0.0
        func advance(_ work: Double) {
            done += work
            progress(done / total)
        }
        let states = try states(engine)
        advance(1)
        let gradients = try squaredGradients(engine)
        advance(3)
        var result = ModelAnalysis(
            label: label, step: step, tokens: batches.reduce(0) { $0 + $1.tokenCount },
            placement: engine.configuration.model.normalization.placement.rawValue, networks: [])
        for network in networks {
            let count = Self.layerCount(engine, network)
            let loss = states.losses[network] ?? Double.nan
            let summary = states.summaries[network] ?? LayerObserver.Summary()
            let changes = try (0..<count).map { layer in
                let changed = try losses(engine, LayerInspection(removed: (network, layer)))[network] ?? Double.nan
                advance(1)
                return changed - loss
            }
            let norms = (0..<count).map { layer in
                let prefix = "\(network.rawValue).layers.\(layer)."
                return (
                    gradient: gradients.filter { $0.key.hasPrefix(prefix) }.values.sorted().reduce(0, +).squareRoot(),
                    weight: Self.squaredWeights(engine, prefix).squareRoot()
                )
            }
            result.networks.append(
                NetworkAnalysis(
                    network: network.rawValue, loss: loss, gradientNorms: norms.map(\.gradient),
                    weightNorms: norms.map(\.weight),
                    angularDistances: summary.angularDistances.prefix(count).map { $0.first ?? .nan },
                    angularDistanceMatrix: Array(summary.angularDistances.prefix(count)), lossChanges: changes,
                    stateSizes: summary.rootMeanSquares))
        }
        return result
    }

    /// Layers that the model has of a network: none of a generator that it does without.
    private static func layerCount(_ engine: TrainingEngine, _ network: NetworkKind) -> Int {
        let model = engine.configuration.model
        let shape = network == .generator ? model.generatorShape : model.discriminatorShape
        let first = "\(network.rawValue).layers.0."
        return engine.state.layout.specs.contains { $0.name.hasPrefix(first) } ? shape.layerCount : 0
    }

    /// Losses of the intact networks, and what is between their layers.
    private func states(
        _ engine: TrainingEngine
    ) throws -> (losses: [NetworkKind: Double], summaries: [NetworkKind: LayerObserver.Summary]) {
        var sums = LossSums()
        var summaries: [NetworkKind: LayerObserver.Summary] = [:]
        for (index, batch) in batches.enumerated() {
            let observer = LayerObserver()
            sums += try evaluate(engine, batch, index, LayerInspection(observer: observer))
            for network in NetworkKind.allCases {
                guard let summary = observer.summary(of: network) else { continue }
                summaries[network] = summaries[network].map { $0.merged(with: summary) } ?? summary
            }
        }
        return (Self.losses(sums, engine), summaries)
    }

    private func losses(_ engine: TrainingEngine, _ inspection: LayerInspection) throws -> [NetworkKind: Double] {
        var sums = LossSums()
        for (index, batch) in batches.enumerated() { sums += try evaluate(engine, batch, index, inspection) }
        return Self.losses(sums, engine)
    }

    private func evaluate(
        _ engine: TrainingEngine, _ batch: TokenBatch, _ index: Int, _ inspection: LayerInspection
    ) throws -> LossSums {
        engine.inspection = inspection
        defer { engine.inspection = nil }
        return try engine.evaluate(batch, index: index) { _, _, _ in }
    }

    private static func losses(_ sums: LossSums, _ engine: TrainingEngine) -> [NetworkKind: Double] {
        let detects = engine.configuration.objective.name.detects
        return [
            .generator: sums.meanGeneratorLoss,
            .discriminator: detects ? sums.meanDiscriminatorLoss : sums.meanCorrectiveLoss,
        ]
    }

    /// Of every tensor, over all batches.
    private func squaredGradients(_ engine: TrainingEngine) throws -> [String: Double] {
        var sums: [String: [Double]] = [:]
        let all = batches.reduce(0) { $0 + $1.tokens.count }
        for (index, batch) in batches.enumerated() {
            // Each batch's gradient is that of means over the batch, and the last is a rest.
            let share = Double(batch.tokens.count) / Double(max(all, 1))
            try engine.withGradients(batch, index: index) { name, gradient in
                var sum = sums[name] ?? Array(repeating: 0, count: gradient.count)
                for i in sum.indices { sum[i] += share * gradient[i] }
                sums[name] = sum
            }
        }
        return sums.mapValues { $0.reduce(0) { $0 + $1 * $1 } }
    }

    private static func squaredWeights(_ engine: TrainingEngine, _ prefix: String) -> Double {
        engine.state.layout.specs.filter { $0.name.hasPrefix(prefix) }.reduce(0) { sum, spec in
            let values = engine.state.weights.base + spec.offset
            return (0..<spec.count).reduce(sum) { $0 + Double(values[$1]) * Double(values[$1]) }
        }
    }
}

extension LayerObserver.Summary {
    /// Means over the tokens of both.
    fileprivate func merged(with other: Self) -> Self {
        let share = Double(other.tokens) / Double(max(tokens + other.tokens, 1))
        func mean(_ a: Double, _ b: Double) -> Double { a + (b - a) * share }
        var result = self
        result.tokens += other.tokens
        for i in angularDistances.indices {
            result.angularDistances[i] = zip(angularDistances[i], other.angularDistances[i]).map(mean)
        }
        result.rootMeanSquares = zip(rootMeanSquares, other.rootMeanSquares).map {
            mean($0 * $0, $1 * $1).squareRoot()
        }
        return result
    }
}
