import Configuration
import Encoder
import Engine
import Foundation
import Parametrization
import Pretraining

/// One training run of a search: an ordinary run directory below the search's own.
public struct Trial: Sendable {
    /// Path of the run directory, relative to the search's directory.
    public var name: String
    public var configuration: RunConfiguration
    public var values: SearchSpace.Point
    /// Whether its losses are those on the corpus's test documents, instead of the held-out ones.
    public var isTested = false

    package init(name: String, configuration: RunConfiguration, values: SearchSpace.Point) {
        self.name = name
        self.configuration = configuration
        self.values = values
    }

    /// Equal for configurations that give the same losses.
    ///
    /// Where widths equal their base widths, muP is the standard parametrization, so that these runs are one and the same.
    package var key: String {
        get throws {
            var configuration = configuration
            let model = configuration.model
            let base = configuration.parametrization
            let standard = base.withoutBases
            let networks = configuration.objective.hasGenerator ? NetworkKind.allCases : [.discriminator]
            if base.baseHiddenSize == model.hiddenSize,
                base.embeddingWidthRatio(embeddingSize: model.embeddingSize, hiddenSize: model.hiddenSize) == 1,
                networks.allSatisfy({ network in
                    network.widthRatio(model, base) == 1 && network.depthRatio(model, base) == 1
                        && network.attentionScale(model, base) == network.attentionScale(model, standard)
                })
            {
                configuration.parametrization = standard
            }
            let yaml = try ConfigurationWriter.yaml(configuration)
            let hash = yaml.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
            // Results of earlier versions are of text of which some tokens to predict showed.
            let isHidden = configuration.objective.trainsGenerator
            return String(hash, radix: 16) + (isTested ? "-test" : "") + (isHidden ? "-hidden" : "")
        }
    }

    /// Floating-point operations of the whole run, each stage at its own length and batch.
    package func flops(vocabularySize: Int) -> Double {
        configuration.plannedStages.reduce(0) { sum, stage in
            let length = stage.configuration.corpus.sequenceLength
            let sequences = stage.configuration.training.sequencesPerStep
            return sum
                + ModelCost.flopsPerToken(
                    stage.configuration.engine, vocabularySize: vocabularySize,
                    attendedTokens: stage.configuration.model.meanAttendedTokens(segments: [length]))
                * Double(stage.steps) * Double(sequences * length)
        }
    }
}

/// What a trial came to; kept as `result.json` in its run directory.
public struct TrialResult: Codable, Sendable, Equatable {
    public var name: String
    public var values: SearchSpace.Point
    public var hiddenSize: Int
    public var steps: Int
    /// Held-out losses after the last step, in nats, on the trial's own replacements; nil where the run diverged.
    public var totalLoss: Double?
    public var generatorLoss: Double?
    public var discriminatorLoss: Double?
    public var discriminatorAuc: Double?
    public var unigramEntropy: Double?
    /// The same on replacements that are equal for all trials, by which they are ranked; nil where no trained generator
    /// replaces tokens, so that `totalLoss` can be compared.
    public var fixedTotalLoss: Double?
    public var fixedDiscriminatorLoss: Double?
    public var fixedDiscriminatorAuc: Double?
    /// The losses that rank it, of each seed, where there are several; all other losses are those of the first.
    public var seedLosses: [Double]?
    /// The step at which it was given up.
    public var divergedAt: Int?
    /// Operations that it took.
    public var flops: Double
    /// Tells whether the result is of the configuration at hand.
    public var key: String

    /// What it is ranked by: the mean over seeds.
    public func loss(_ metric: TrialMetric) -> Double? {
        if let seedLosses { return seedLosses.reduce(0, +) / Double(seedLosses.count) }
        return ownLoss(metric)
    }

    /// Standard deviation between seeds; nil for fewer than two.
    public var spread: Double? {
        seedLosses.flatMap(SeedSpread.init)?.deviation
    }

    /// Of this seed alone.
    func ownLoss(_ metric: TrialMetric) -> Double? {
        switch metric {
        case .total: fixedTotalLoss ?? totalLoss
        case .generator: generatorLoss
        case .discriminator: fixedDiscriminatorLoss ?? discriminatorLoss
        }
    }
}

extension TrialResult {
    /// One trial with several seeds: it is ranked by the mean of their losses, and diverged if one of them did.
    init(_ seeds: [TrialResult], metric: TrialMetric) {
        self = seeds[0]
        guard seeds.count > 1 else { return }
        flops = seeds.reduce(0) { $0 + $1.flops }
        if let diverged = seeds.first(where: { $0.divergedAt != nil }) {
            (divergedAt, totalLoss, generatorLoss) = (diverged.divergedAt, nil, nil)
            (discriminatorLoss, fixedTotalLoss, fixedDiscriminatorLoss) = (nil, nil, nil)
        } else {
            seedLosses = seeds.compactMap { $0.ownLoss(metric) }
        }
    }
}

/// Which held-out loss trials are ranked by.
public enum TrialMetric: String, CaseIterable, Codable, Sendable {
    /// The weighted sum that training minimises.
    case total
    case generator
    case discriminator
}

extension [TrialResult] {
    /// From the best to the worst; what diverged comes last, in the order in which it was planned.
    func ranked(by metric: TrialMetric) -> [TrialResult] {
        enumerated().sorted { a, b in
            let (first, second) = (a.element.loss(metric) ?? .infinity, b.element.loss(metric) ?? .infinity)
            return first == second ? a.offset < b.offset : first < second
        }.map(\.element)
    }
}
