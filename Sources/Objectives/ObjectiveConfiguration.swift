import Configuration
import Foundation

/// Which objective is trained.
public enum ObjectiveName: String, CaseIterable, Sendable {
    /// Replaced-token detection with a masked-language-model generator (Clark et al. 2020, arXiv 2003.10555).
    case electra
    /// Detection, and correction of the masked tokens (Bajaj et al. 2022, arXiv 2204.06644).
    case metro
    /// Detection, correction behind a copy gate, and contrast of sequences (Meng et al. 2021, arXiv 2102.08473).
    case cocoLM = "coco_lm"
    /// One encoder that predicts masked tokens (Devlin et al. 2018, arXiv 1810.04805).
    case maskedLanguageModel = "masked_language_model"
    /// The encoder predicts tokens that a generator replaced (ELECTRA's ablation "Replace MLM").
    case replaceMLM = "replace_mlm"
    /// The encoder predicts all tokens of a corrupted text, with a copy gate (ELECTRA's ablation "All-Tokens MLM").
    case allTokensMLM = "all_tokens_mlm"

    /// Whether the encoder reads text with replaced tokens instead of masked text.
    public var readsReplacements: Bool { self != .maskedLanguageModel }
    /// Whether it is told which tokens were replaced.
    public var detects: Bool { [.electra, .metro, .cocoLM].contains(self) }
    /// Whether the detection head's logit is the gate between copying and predicting.
    public var isGated: Bool { self == .cocoLM || self == .allTokensMLM }

    /// How the encoder predicts tokens.
    public enum Prediction: Sendable {
        case none
        /// With the word table, straight from hidden states.
        case simplified
        /// After a dense layer, GELU and a norm.
        case transformed
    }

    public var prediction: Prediction {
        switch self {
        case .electra: .none
        case .metro, .cocoLM: .simplified
        case .maskedLanguageModel, .replaceMLM, .allTokensMLM: .transformed
        }
    }
}

/// Where the tokens that replace others come from.
public enum ReplacementSource: String, CaseIterable, Sendable {
    /// Sampled from the generator, which is trained at the same time.
    case generator
    /// Drawn uniformly from the vocabulary; there is no generator.
    case random
    /// Sampled from a generator that was trained before (Fast-ELECTRA: Dong et al. 2023, arXiv 2310.07347).
    case frozen
}

/// How the masked tokens of a sequence are drawn.
public enum MaskDrawing: String, CaseIterable, Sendable {
    /// Any of them alike.
    case uniform
    /// One from each of as many stretches of equal length (after DeBERTa's `NGramMaskGenerator`).
    case stratified
}

/// Which tokens a loss is taken over.
public enum TokenSelection: String, CaseIterable, Sendable {
    case all
    /// Those that were masked for the generator.
    case masked
}

/// The objective's weights and fractions; the defaults are ELECTRA's.
public struct ObjectiveConfiguration: Configurable, Equatable {
    public var name = ObjectiveName.electra
    public var maskFraction = 0.15
    public var finalMaskFraction: Double?
    public var maskDrawing = MaskDrawing.uniform
    public var maskTokenFraction = 0.85
    public var randomTokenFraction = 0.0
    public var replacements = ReplacementSource.generator
    public var generatorWeight = 1.0
    public var discriminatorWeight = 50.0
    public var detectedTokens = TokenSelection.all
    public var correctiveWeight: Double?
    public var correctiveTokens = TokenSelection.masked
    public var weighsByDetection = false
    public var samplesWithoutDropout = false
    public var contrastiveWeight: Double?
    public var contrastiveCrop = 0.9
    public var contrastiveTemperature = 1.0
    public var frozenGenerator = FrozenGeneratorConfiguration()

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.choice(
            "name", &name,
            "electra: detect replaced tokens; metro: and correct the masked ones; coco_lm: correct behind a copy gate, and "
                + "contrast sequences; masked_language_model: BERT; replace_mlm, all_tokens_mlm: ELECTRA's ablations.")
        try fields.number("mask_fraction", &maskFraction, 0.001...0.9, "Share of a sequence's tokens that is masked.")
        try fields.number(
            "final_mask_fraction", &finalMaskFraction, 0.001...0.9,
            "Share at the end of the run, which it changes to in a straight line (GPT-BERT: from 0.3 to 0.15), and which "
                + "evaluations mask; null: mask_fraction throughout.")
        try fields.choice(
            "mask_drawing", &maskDrawing,
            "uniform: any tokens of a sequence; stratified: one from each of as many equal stretches, so that no stretch is "
                + "without and none has many (DeBERTa).")
        try fields.number(
            "mask_token_fraction", &maskTokenFraction, 0...1,
            "Share of the chosen positions that show [MASK]; the others keep their token.")
        try fields.number(
            "random_token_fraction", &randomTokenFraction, 0...1,
            "Share of the chosen positions that show a random token instead (BERT: 0.1, and 0.8 for [MASK]).")
        try fields.choice(
            "replacements", &replacements,
            "generator: sampled from one that is trained too; random: from the vocabulary, without a generator; frozen: "
                + "from one of an earlier run.")
        try fields.number("generator_weight", &generatorWeight, 0...1e6, "Weight of the generator's loss.")
        try fields.number("discriminator_weight", &discriminatorWeight, 0...1e6, "Weight of the detection loss.")
        try fields.choice("detected_tokens", &detectedTokens, "Tokens that the detection loss is taken over.")
        try fields.number(
            "corrective_weight", &correctiveWeight, 0...1e6,
            "Weight of the loss of predicting tokens; null: 1 where the objective does.")
        try fields.choice(
            "corrective_tokens", &correctiveTokens, "Tokens that coco_lm predicts; the others have a fixed choice.")
        try fields.flag(
            "weighs_by_detection", &weighsByDetection,
            "metro: multiply each masked token's corrective loss in training with the detector's belief that the token was "
                + "replaced, without gradient into it (weighted_lm_loss of the release's base model).")
        try fields.flag(
            "samples_without_dropout", &samplesWithoutDropout,
            "Sample replacements from a second forward pass of the generator without dropout (COCO-LM's release by default); "
                + "costs that pass where the generator has dropout.")
        try fields.number(
            "contrastive_weight", &contrastiveWeight, 0...1e6,
            "Weight of the sequence contrastive loss; null: 1 for coco_lm, 0 for the others.")
        try fields.number(
            "contrastive_crop", &contrastiveCrop, 0.01...1, "Share of a segment that its other view keeps.")
        try fields.number(
            "contrastive_temperature", &contrastiveTemperature, 0.001...1000, "Divides the cosines of sequences.")
        try fields.group("frozen_generator", &frozenGenerator, "The generator of an earlier run.")
    }

    public var uses: [SettingUse] {
        [
            SettingUse(
                "mask_token_fraction", "random_token_fraction", isRead: !name.readsReplacements || hasGenerator,
                otherwise: "is for what a generator reads; replacements: random has none"),
            SettingUse(
                "discriminator_weight", isRead: name.detects,
                otherwise: "is for a detection loss, which \(name.rawValue) does not have"),
            SettingUse(
                "corrective_weight", isRead: name.prediction != .none,
                otherwise: "is for a model that predicts tokens, which electra does not"),
        ]
    }

    public func validate() throws {
        if maskTokenFraction + randomTokenFraction > 1 + 1e-9 {
            throw InvalidSetting(
                "random_token_fraction",
                "\(randomTokenFraction) and mask_token_fraction \(maskTokenFraction) are more than all; lower one")
        }
        if !name.readsReplacements, replacements != .generator {
            throw InvalidSetting(
                "replacements", "\(name.rawValue) reads masked text and replaces nothing; leave it out")
        }
        if !name.detects, detectedTokens != .all {
            throw InvalidSetting("detected_tokens", "\(name.rawValue) has no detection loss; leave it out")
        }
        if correctiveTokens == .all, name != .cocoLM {
            throw InvalidSetting(
                "corrective_tokens",
                name == .metro
                    ? "without a copy gate, predicting tokens that were not masked is copying; choose name: coco_lm"
                    : "\(name.rawValue) has a fixed choice; leave it out")
        }
        if weighsByDetection, name != .metro {
            throw InvalidSetting(
                "weighs_by_detection",
                "is for name: metro; \(name.rawValue) "
                    + (name.isGated ? "has a copy gate instead" : "does not detect and correct"))
        }
        if samplesWithoutDropout, !trainsGenerator {
            throw InvalidSetting(
                "samples_without_dropout", "is for a generator that is trained; there is none here: set it to false")
        }
        if let contrastiveWeight, contrastiveWeight > 0, !name.detects {
            throw InvalidSetting(
                "contrastive_weight", "is for electra, metro and coco_lm; \(name.rawValue) is a yardstick without it")
        }
        for (key, isSet) in [
            ("contrastive_crop", contrastiveCrop != ObjectiveConfiguration().contrastiveCrop),
            ("contrastive_temperature", contrastiveTemperature != ObjectiveConfiguration().contrastiveTemperature),
        ] where isSet && contrast == 0 {
            throw InvalidSetting(
                key, "is only read where sequences are contrasted; set contrastive_weight, or leave it out")
        }
        if replacements == .frozen, frozenGenerator.checkpoint == nil {
            throw InvalidSetting(
                "frozen_generator.checkpoint",
                "replacements: frozen samples from a trained generator; name a run directory or a checkpoint")
        }
        if replacements != .frozen, frozenGenerator != FrozenGeneratorConfiguration() {
            throw InvalidSetting(
                "frozen_generator",
                "is not used with replacements: \(replacements.rawValue); choose replacements: frozen")
        }
    }

    /// The share of tokens that a step masks.
    ///
    /// - Parameter progress: share of the run that is done after the step, from 0 to 1.
    public func maskFraction(progress: Double) -> Double {
        guard let finalMaskFraction else { return maskFraction }
        return maskFraction + (finalMaskFraction - maskFraction) * min(max(progress, 0), 1)
    }

    /// The share that evaluations mask, so that runs which end alike compare.
    public var evaluationMaskFraction: Double { finalMaskFraction ?? maskFraction }
    /// The largest share of a run, which memory is planned for.
    public var largestMaskFraction: Double { max(maskFraction, evaluationMaskFraction) }
    /// The share of all tokens of a run.
    public var meanMaskFraction: Double { (maskFraction + evaluationMaskFraction) / 2 }

    /// Whether there is a generator, trained or frozen.
    public var hasGenerator: Bool { name.readsReplacements && replacements != .random }
    /// Whether it learns.
    public var trainsGenerator: Bool { name.readsReplacements && replacements == .generator }
    /// Weight of the loss of predicting tokens; 0 where there is none.
    public var correction: Double { name.prediction == .none ? 0 : correctiveWeight ?? 1 }
    /// Weight of the sequence contrastive loss.
    public var contrast: Double { contrastiveWeight ?? (name == .cocoLM ? 1 : 0) }
    /// The tokens that the encoder predicts.
    public var predictedTokens: TokenSelection { name == .allTokensMLM ? .all : correctiveTokens }

    /// Shows [MASK] for all tokens to predict.
    public mutating func hideAllToPredict() { (maskTokenFraction, randomTokenFraction) = (1, 0) }

    /// The share of the tokens to predict that masking leaves as they are.
    var visibleFraction: Double { max(0, 1 - maskTokenFraction - randomTokenFraction) }

    /// The loss on masked tokens of a model that knows how frequent each token is, and repeats those that it can see.
    ///
    /// - Parameter entropy: of the tokens' frequencies.
    public func unigramLoss(entropy: Double) -> Double { (1 - visibleFraction) * entropy }

    /// What is minimised.
    public func total(_ sums: LossSums) -> Double {
        total(
            generator: sums.meanGeneratorLoss, detection: sums.meanDiscriminatorLoss,
            corrective: sums.meanCorrectiveLoss, contrastive: sums.meanContrastiveLoss)
    }

    /// The weighted sum of the losses that the objective has; others do not count.
    public func total(
        generator: Double?, detection: Double?, corrective: Double? = nil, contrastive: Double? = nil
    ) -> Double {
        var total = 0.0
        if trainsGenerator { total += generatorWeight * (generator ?? 0) }
        if name.detects { total += discriminatorWeight * (detection ?? 0) }
        if correction > 0 { total += correction * (corrective ?? 0) }
        if contrast > 0 { total += contrast * (contrastive ?? 0) }
        return total
    }
}

/// A generator that was trained by an earlier run and only samples now.
public struct FrozenGeneratorConfiguration: Configurable, Equatable {
    public var checkpoint: String?
    public var temperature = 1.0
    public var decaySteps = 1000.0
    public var cache: String?

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.text(
            "checkpoint", &checkpoint,
            "Run directory or checkpoint that the generator is taken from, at the first start.")
        try fields.number(
            "temperature", &temperature, 1...100, "Sampling temperature at the beginning; it falls towards 1.")
        try fields.number(
            "decay_steps", &decaySteps, 1...1e9, "Steps in which the temperature's excess over 1 falls to 1/e.")
        try fields.text(
            "cache", &cache, "A file that keeps the samples, for later runs with the same text and generator.")
    }

    public var uses: [SettingUse] {
        [
            SettingUse(
                "decay_steps", isRead: temperature != 1,
                otherwise: "is for a temperature that falls; temperature is 1 from the beginning")
        ]
    }

    /// The sampling temperature of a step: 1 + (T₀ − 1)·e^(−step/decaySteps).
    public func temperature(step: Int) -> Double {
        1 + (temperature - 1) * exp(-Double(step) / decaySteps)
    }
}
