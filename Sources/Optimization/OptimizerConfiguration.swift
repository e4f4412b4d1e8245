import Configuration

/// AdamW and its schedule; the defaults are ELECTRA's.
public struct OptimizerConfiguration: Configurable, Equatable {
    public var kind = OptimizerKind.adamW
    public var importanceDecay = 0.7
    public var peakLearningRate = 5e-4
    public var warmupSteps = 10_000
    public var schedule = ScheduleKind.linear
    public var finalLearningRateFraction = 0.0
    public var decaySteps: Int?
    public var beta1 = 0.9
    public var beta2 = 0.999
    public var epsilon = 1e-6
    public var biasCorrection = true
    public var weightDecay = 0.01
    public var clipNorm = 1.0
    public var separate = false
    public var generator = GeneratorOptimizerConfiguration()

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.choice(
            "kind", &kind, "adamw, or sage: AdamW with learning rates guided by each weight's sensitivity.")
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
        try fields.number("beta1", &beta1, 0...0.99999, "Decay of the first moment.")
        try fields.number("beta2", &beta2, 0...0.9999999, "Decay of the second moment.")
        try fields.number("epsilon", &epsilon, 1e-20...1, "Added to the root of the second moment.")
        try fields.flag("bias_correction", &biasCorrection, "Correct the moments for their start at zero.")
        try fields.number("weight_decay", &weightDecay, 0...10, "Decoupled weight decay; norms and biases have none.")
        try fields.number("clip_norm", &clipNorm, 0...1e9, "Largest global gradient norm; 0 turns clipping off.")
        try fields.flag(
            "separate", &separate,
            "Give generator and discriminator an optimizer each: own learning rate, clipping, moments.")
        try fields.group("generator", &generator, "The generator's optimizer, where it differs.")
    }

    public func validate() throws {
        if kind != .sage, importanceDecay != OptimizerConfiguration().importanceDecay {
            throw InvalidSetting("importance_decay", "is only read with kind: sage; \(kind.rawValue) has no importance")
        }
        if !separate, generator != GeneratorOptimizerConfiguration() {
            throw InvalidSetting(
                "generator", "is only read with separate: true; one optimizer has one set of values")
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

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.number("peak_learning_rate", &peakLearningRate, 0...100, "null: the discriminator's.")
        try fields.number("beta1", &beta1, 0...0.99999, "null: the discriminator's.")
        try fields.number("beta2", &beta2, 0...0.9999999, "null: the discriminator's.")
        try fields.number("epsilon", &epsilon, 1e-20...1, "null: the discriminator's.")
        try fields.number("weight_decay", &weightDecay, 0...10, "null: the discriminator's.")
        try fields.number("clip_norm", &clipNorm, 0...1e9, "null: the discriminator's.")
    }
}

/// How the learning rate falls after warmup.
public enum ScheduleKind: String, CaseIterable, Sendable {
    case linear
    case cosine
    case wsd
    case constant
}
