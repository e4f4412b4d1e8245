import Configuration

/// AdamW and its schedule; the defaults are ELECTRA's values with `torch.optim.AdamW`'s bias correction and a decay that
/// begins after warmup. What the releases do instead is in their presets (docs/FIDELITY.md).
public struct OptimizerConfiguration: Configurable, Equatable {
    public var kind = OptimizerKind.adamW
    public var importanceDecay = 0.7
    public var peakLearningRate = 5e-4
    public var warmupSteps = 10_000
    public var schedule = ScheduleKind.linear
    public var finalLearningRateFraction = 0.0
    public var decaySteps: Int?
    public var decayStart = DecayStart.afterWarmup
    public var beta1 = 0.9
    public var beta2 = 0.999
    public var epsilon = 1e-6
    public var biasCorrection = true
    public var weightDecay = 0.01
    public var cautiousWeightDecay = false
    public var coupledTables = false
    public var clipNorm = 1.0
    public var separate = false
    public var sharedTensors = SharedTensorUpdates.both
    public var generatorFirst = false
    public var generator = GeneratorOptimizerConfiguration()
    public var muon = MuonConfiguration()

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.choice(
            "kind", &kind,
            "adamw; sage: AdamW with learning rates guided by each weight's sensitivity; or muon: orthogonalized momentum for the "
                + "matrices of hidden layers, AdamW for all else.")
        try fields.number(
            "importance_decay", &importanceDecay, 0...0.99999, "Decay of sage's smoothed importance (its beta 3).")
        try fields.number("peak_learning_rate", &peakLearningRate, 0...100, "Learning rate at the end of warmup.")
        try fields.integer("warmup_steps", &warmupSteps, 0...1_000_000_000, "Steps of linear warmup from 0.")
        try fields.choice(
            "schedule", &schedule, "Decay after warmup: linear, cosine, wsd (constant, then linear) or constant.")
        try fields.number(
            "final_learning_rate_fraction", &finalLearningRateFraction, 0...1,
            "Learning rate right after the last step, as a fraction of the peak.")
        try fields.integer(
            "decay_steps", &decaySteps, 1...1_000_000_000, "Length of wsd's decay; null: a tenth of the steps.")
        try fields.choice(
            "decay_start", &decayStart,
            "linear, cosine: after_warmup falls from the peak; with_warmup multiplies warmup with a decay from the first step "
                + "(ELECTRA's release), so that the peak is never quite reached.")
        try fields.number("beta1", &beta1, 0...0.99999, "Decay of the first moment.")
        try fields.number("beta2", &beta2, 0...0.9999999, "Decay of the second moment.")
        try fields.number("epsilon", &epsilon, 1e-20...1, "Added to the root of the second moment.")
        try fields.flag(
            "bias_correction", &biasCorrection,
            "Correct the moments for their start at zero; the releases of ELECTRA and DeBERTa do not.")
        try fields.number("weight_decay", &weightDecay, 0...10, "Decoupled weight decay; norms and biases have none.")
        try fields.flag(
            "cautious_weight_decay", &cautiousWeightDecay,
            "Leave out the decay of weights that the update moves away from zero (arXiv 2510.12402); those of Muon too."
        )
        try fields.flag(
            "coupled_tables", &coupledTables,
            "Rows of an embedding table share their second moments (Coupled Adam, arXiv 2502.08441), so that rare words do not all "
                + "drift one way.")
        try fields.number("clip_norm", &clipNorm, 0...1e9, "Largest global gradient norm; 0 turns clipping off.")
        try fields.flag(
            "separate", &separate,
            "Give generator and discriminator an optimizer each: own learning rate, clipping, moments. What they share (see "
                + "model.embedding_sharing) is then moved by both, see shared_tensors.")
        try fields.choice(
            "shared_tensors", &sharedTensors,
            "What separate optimizers do to tensors that both networks read. both: each moves them by its own network's "
                + "gradient, so that they get two updates and two weight decays a step; generator: its optimizer alone moves "
                + "them, by the sum of both gradients, one update and one decay.")
        try fields.flag(
            "generator_first", &generatorFirst,
            "separate: the generator's optimizer moves before the discriminator reads its batch, which thus sees the shared "
                + "tables as they are after it (DeBERTaV3's release). Needs memory for a copy of the generator's part.")
        try fields.group("generator", &generator, "The generator's optimizer, where it differs.")
        try fields.group("muon", &muon, "The matrices of hidden layers with kind: muon.")
    }

    public var uses: [SettingUse] {
        [
            SettingUse(
                "final_learning_rate_fraction", isRead: schedule != .constant,
                otherwise: "is for a schedule that falls; constant stays at the peak"),
            SettingUse("decay_steps", isRead: schedule == .wsd, otherwise: "is only read with schedule: wsd"),
            SettingUse(
                "muon", "generator.muon_peak_learning_rate", isRead: kind == .muon,
                otherwise: "is only read with kind: muon"),
            SettingUse("importance_decay", isRead: kind == .sage, otherwise: "is only read with kind: sage"),
            SettingUse(
                "generator", isRead: separate,
                otherwise: "is only read with separate: true; one optimizer has one set of values"),
        ]
    }

    public func validate() throws {
        let notOfSAGE = [("coupled_tables", coupledTables), ("cautious_weight_decay", cautiousWeightDecay)]
        if kind == .sage, let (name, _) = notOfSAGE.first(where: \.1) {
            throw InvalidSetting(name, "is for kind: adamw and muon; leave it out")
        }
        if decayStart == .withWarmup, schedule != .linear, schedule != .cosine {
            throw InvalidSetting(
                "decay_start",
                "with_warmup is for schedule linear or cosine; \(schedule.rawValue) has no decay from the first step")
        }
        if !separate, sharedTensors != .both {
            throw InvalidSetting(
                "shared_tensors", "is only read with separate: true; one optimizer moves everything once")
        }
        if generatorFirst, !separate || sharedTensors != .both {
            throw InvalidSetting(
                "generator_first",
                separate
                    ? "needs shared_tensors: both; with generator, one update waits for both gradients"
                    : "is only read with separate: true; one optimizer moves everything at once")
        }
    }

    /// The optimizer of the generator and of what it shares.
    public var ofGenerator: OptimizerConfiguration {
        var configuration = self
        configuration.peakLearningRate = generator.peakLearningRate ?? peakLearningRate
        configuration.beta1 = generator.beta1 ?? beta1
        configuration.beta2 = generator.beta2 ?? beta2
        configuration.epsilon = generator.epsilon ?? epsilon
        configuration.weightDecay = generator.weightDecay ?? weightDecay
        configuration.clipNorm = generator.clipNorm ?? clipNorm
        configuration.muon.peakLearningRate = generator.muonPeakLearningRate ?? muon.peakLearningRate
        return configuration
    }
}

/// The generator's optimizer where it differs from the discriminator's; both follow the same schedule.
public struct GeneratorOptimizerConfiguration: Configurable, Equatable {
    public var peakLearningRate: Double?
    public var beta1: Double?
    public var beta2: Double?
    public var epsilon: Double?
    public var weightDecay: Double?
    public var clipNorm: Double?
    public var muonPeakLearningRate: Double?

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.number("peak_learning_rate", &peakLearningRate, 0...100, "null: the discriminator's.")
        try fields.number("beta1", &beta1, 0...0.99999, "null: the discriminator's.")
        try fields.number("beta2", &beta2, 0...0.9999999, "null: the discriminator's.")
        try fields.number("epsilon", &epsilon, 1e-20...1, "null: the discriminator's.")
        try fields.number("weight_decay", &weightDecay, 0...10, "null: the discriminator's.")
        try fields.number("clip_norm", &clipNorm, 0...1e9, "null: the discriminator's.")
        try fields.number(
            "muon_peak_learning_rate", &muonPeakLearningRate, 0...100,
            "Of its matrices with kind: muon; null: the others'.")
    }
}

/// Who moves the tensors that two networks with an optimizer each have in common.
public enum SharedTensorUpdates: String, CaseIterable, Sendable {
    case both
    case generator
}

/// Where the decay of the learning rate begins.
public enum DecayStart: String, CaseIterable, Sendable {
    case afterWarmup = "after_warmup"
    /// From the first step, times warmup: `optimization.py` in github.com/google-research/electra.
    case withWarmup = "with_warmup"
}

/// How the learning rate falls after warmup.
public enum ScheduleKind: String, CaseIterable, Sendable {
    case linear
    case cosine
    case wsd
    case constant
}
