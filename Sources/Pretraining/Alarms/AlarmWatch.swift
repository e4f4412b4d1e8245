import Foundation
import Objectives
import Runs

/// Sees what a run that learns nothing, or soon will not, looks like, and says so once.
///
/// What it says is said of a state that has lasted: over a fiftieth of the run, and not before warmup has ended.
package struct AlarmWatch {
    /// A masked loss from this share of the entropy of the tokens' frequencies on knows nothing but these.
    private static let plateau = 0.97
    /// A masked loss beyond the entropy by more than this share of what a uniform guess has beyond it knows not even these.
    private static let ignorance = 0.25
    /// An area under the detector's curve that is no better than guessing.
    private static let chance = 0.55
    /// Share of masked tokens that a generator samples as they were, in the first half of a run.
    private static let strongGenerator = 0.7
    /// Of the median layer's gradient.
    private static let vanishing = 1e-3
    private static let exploding = 1e3

    private let configuration: RunConfiguration
    private let vocabularySize: Int
    /// Kept in checkpoints.
    package private(set) var state: AlarmState
    private var pending: [RunAlarm] = []

    /// - Parameter state: of the checkpoint that the run goes on from; nil for a new run.
    package init(_ configuration: RunConfiguration, vocabularySize: Int, state: AlarmState? = nil) {
        self.configuration = configuration
        self.vocabularySize = vocabularySize
        self.state = state ?? AlarmState()
    }

    /// Alarms of the run before it was interrupted.
    package mutating func remember(_ alarms: [RunAlarm]) { state.raised.formUnion(alarms.map(\.kind)) }

    /// New ones, which are then told.
    package mutating func take() -> [RunAlarm] {
        defer { pending = [] }
        return pending
    }

    private var patience: Int { max(1, configuration.training.steps / 50) }

    /// The rates that move a network, by the names of their settings.
    private func rate(ofGenerator: Bool) -> String {
        let optimizer = configuration.optimizer
        let isApart = ofGenerator && optimizer.separate
        let own = isApart ? optimizer.ofGenerator : optimizer
        let adam =
            (isApart && optimizer.generator.peakLearningRate != nil
                ? "optimizer.generator.peak_learning_rate" : "optimizer.peak_learning_rate")
            + " (\(own.peakLearningRate))"
        guard own.kind == .muon else { return adam }
        let muon =
            isApart && optimizer.generator.muonPeakLearningRate != nil
            ? "optimizer.generator.muon_peak_learning_rate" : "optimizer.muon.peak_learning_rate"
        return "\(muon) (\(own.muon.peakLearningRate)) and \(adam)"
    }

    /// What helps a run that learns nothing of the words around, as far as it does not do so already.
    private func encouragement(ofGenerator: Bool) -> String {
        var advice = ["a higher \(rate(ofGenerator: ofGenerator))"]
        if configuration.optimizer.kind != .muon { advice.append("optimizer.kind: muon") }
        if configuration.parametrization.embeddingLearningRateMultiplier < 5 {
            advice.append("parametrization.embedding_learning_rate_multiplier: 5")
        }
        if configuration.model.normalization.placement == .post, configuration.model.layerCount > 6 {
            advice.append("model.normalization.placement: pre, or a lower rate (with Post-LN many layers bear little)")
        }
        return advice.joined(separator: ", ") + " or smaller batches"
    }

    /// Whether something has shown that the run learns too fast rather than too slowly.
    private var isTooFast: Bool {
        [AlarmKind.learningRateTooHigh, .vanishingLayers].contains { state.raised.contains($0.rawValue) }
    }

    /// Whether losses of masked tokens in training have been below what the frequencies of the tokens give, and are so no more.
    private func wasThrownBack(to entropy: Double) -> Bool {
        guard let lowest = state.trend.lowest else { return false }
        let plateau = Self.plateau * configuration.objective.unigramLoss(entropy: entropy)
        return lowest < plateau - 0.2 && lowest + state.trend.rise >= plateau - 0.1
    }

    /// - Parameter patience: steps that it must have held for; nil: a fiftieth of the run.
    private mutating func note(
        _ kind: AlarmKind, _ holds: Bool, step: Int, patience: Int? = nil, _ message: (_ since: String) -> String
    ) {
        guard holds else {
            state.began[kind.rawValue] = nil
            return
        }
        let since = state.began[kind.rawValue] ?? step
        state.began[kind.rawValue] = since
        guard step - since >= patience ?? self.patience, state.raised.insert(kind.rawValue).inserted else { return }
        pending.append(RunAlarm(kind: kind.rawValue, since: since, message: message("since step \(since)")))
    }

    /// - Parameter layers: gradients by layer, where they were measured.
    package mutating func see(_ record: StepRecord, step: Int, layers: [LayerGradients]?) {
        let isWarm = step > configuration.optimizer.warmupSteps
        if isWarm, let layers { see(layers, step: step) }
        // Where more and more is masked, losses rise.
        let objective = configuration.objective
        guard objective.evaluationMaskFraction <= objective.maskFraction else { return }
        // A detector's loss may rise as its generator learns.
        let isMasked = record.generatorLoss ?? record.correctiveLoss != nil
        let loss = record.generatorLoss ?? record.correctiveLoss ?? record.loss
        let window = max(20, configuration.training.steps / 100)
        // From the first step on: many runs are thrown back before warmup has ended.
        state.trend.add(loss, window: window)
        guard isWarm, let lowest = state.trend.lowest else { return }
        let (rise, rate) = (state.trend.rise, rate(ofGenerator: record.generatorLoss != nil))
        let isMuon = configuration.optimizer.kind == .muon
        // A spike takes some windows to leave the mean.
        let lasting = max(patience, 3 * window)
        let limit = max(isMasked ? 0.3 : 0.3 * lowest, 0.1 * lowest)
        note(.learningRateTooHigh, rise > limit, step: step, patience: lasting) {
            "the loss in training has risen from \(Self.text(lowest)) to \(Self.text(lowest + rise)) and stays there, "
                + "\($0): try half of \(rate), longer optimizer.warmup_steps"
                + (isMuon ? "" : " or a smaller optimizer.clip_norm")
        }
    }

    private mutating func see(_ layers: [LayerGradients], step: Int) {
        var (smallest, largest) = (Double.infinity, 0.0)
        var names = (smallest: "", largest: "")
        for network in layers {
            let sorted = network.rootMeanSquares.sorted()
            // A network that does not learn has none at all.
            guard sorted.count > 1, let last = sorted.last, last > 0 else { continue }
            let median = sorted[sorted.count / 2]
            for (index, value) in network.rootMeanSquares.enumerated() {
                let ratio = median > 0 ? value / median : .infinity
                if ratio < smallest { (smallest, names.smallest) = (ratio, "layer \(index) of the \(network.network)") }
                if ratio > largest { (largest, names.largest) = (ratio, "layer \(index) of the \(network.network)") }
            }
        }
        let rate = rate(ofGenerator: false)
        let advice =
            "model.normalization.placement pre or mix keeps layers alike; with Post-LN, a lower \(rate) or longer warmup helps"
        note(.vanishingLayers, smallest < Self.vanishing, step: step) {
            "gradients of \(names.smallest) are \(Self.text(1 / smallest)) times smaller than the median layer's, \($0): it hardly "
                + "learns; \(advice)"
        }
        note(.explodingLayers, largest > Self.exploding, step: step) {
            "gradients of \(names.largest) are \(Self.text(largest)) times larger than the median layer's, \($0); \(advice)"
        }
    }

    package mutating func see(_ report: Evaluation) {
        guard report.step > configuration.optimizer.warmupSteps else { return }
        seeMaskedLoss(report)
        if configuration.objective.discriminatorWeight > 0, let area = report.discriminatorAuc {
            let rate = rate(ofGenerator: false)
            let direction = isTooFast ? "lower" : "higher"
            let others = [("masked_language_model", ObjectiveName.maskedLanguageModel), ("metro", .metro)].filter {
                $0.1 != configuration.objective.name
            }.map(\.0).joined(separator: " or ")
            note(.majorityClass, area < Self.chance, step: report.step) {
                "the detector tells replaced tokens from others no better than chance (AUC \(Self.text(area))), \($0): the encoder "
                    + "learns nothing from it; try a \(direction) \(rate), or objective.name: \(others) for "
                    + "short runs"
            }
        }
        if configuration.objective.trainsGenerator, let same = report.generatorSampledAccuracy {
            let isEarly = report.step < configuration.training.steps / 2
            note(.fewReplacements, isEarly && same > Self.strongGenerator, step: report.step) {
                "the generator samples \(Int((100 * min(max(same, 0), 1)).rounded())) % of the masked tokens as they were, \($0): few are left "
                    + "to detect; try a smaller model.generator.width_multiplier or layer_count, or a larger "
                    + "objective.mask_fraction"
            }
        }
    }

    private mutating func seeMaskedLoss(_ report: Evaluation) {
        let isOfGenerator = configuration.objective.trainsGenerator
        let weight =
            isOfGenerator ? configuration.objective.generatorWeight : configuration.objective.correction
        guard configuration.objective.name.prediction != .none || isOfGenerator, weight > 0,
            configuration.objective.predictedTokens == .masked,
            let loss = isOfGenerator ? report.generatorLoss : report.correctiveLoss
        else { return }
        let (entropy, rate) = (report.unigramEntropy, rate(ofGenerator: isOfGenerator))
        let (isThrownBack, isTooFast) = (wasThrownBack(to: entropy), isTooFast)
        let caution =
            "try half of \(rate) or longer optimizer.warmup_steps"
            + (configuration.model.normalization.placement == .post ? ", or model.normalization.placement: pre" : "")
        let encouragement = encouragement(ofGenerator: isOfGenerator)
        let unigramLoss = configuration.objective.unigramLoss(entropy: entropy)
        let limit = entropy + Self.ignorance * max(0, log(Double(vocabularySize)) - entropy)
        let whose = isOfGenerator ? "the generator's" : "the"
        note(.learningRateTooLow, loss > limit, step: report.step) {
            "\(whose) loss on masked tokens, \(Self.text(loss)) nats, is above the \(Self.text(entropy)) of their mere frequencies, \($0): "
                + (isThrownBack || isTooFast
                    ? caution : "\(rate) is too low or the run too short; try three times as much")
        }
        note(.unigramPlateau, loss >= Self.plateau * unigramLoss && loss <= limit, step: report.step) {
            "\(whose) loss on masked tokens, \(Self.text(loss)) nats, is that of their frequencies (\(Self.text(unigramLoss))), \($0): "
                + (isThrownBack
                    ? "training has been below it, and was thrown back; \(caution)"
                    : "nothing of the words around is learned yet; \(isTooFast ? caution : "try \(encouragement)")")
        }
    }

    private static func text(_ value: Double) -> String {
        abs(value) >= 100 ? String(format: "%.0f", value) : String(format: "%.2f", value)
    }

    /// What of an evaluation tells something, from the report or from its line in `metrics.jsonl`.
    package struct Evaluation {
        var step: Int
        var generatorLoss: Double?
        var generatorSampledAccuracy: Double?
        var correctiveLoss: Double?
        var discriminatorAuc: Double?
        var unigramEntropy: Double

        package init(_ report: EvaluationReport) {
            step = report.step
            generatorLoss = report.generatorLoss
            generatorSampledAccuracy = report.generatorSampledAccuracy
            correctiveLoss = report.correctiveLoss
            discriminatorAuc = report.discriminatorAuc
            unigramEntropy = report.unigramEntropy
        }

        /// - Parameter figures: by their names in the log.
        package init(step: Int, figures: [String: Double]) {
            self.step = step
            generatorLoss = figures["generator_loss"]
            generatorSampledAccuracy = figures["generator_sampled_accuracy"]
            correctiveLoss = figures["corrective_loss"]
            discriminatorAuc = figures["discriminator_auc"]
            unigramEntropy = figures["unigram_entropy"] ?? 0
        }
    }
}
