/// What alarms are about.
package enum AlarmKind: String, CaseIterable, Sendable {
    case unigramPlateau = "unigram_plateau"
    case majorityClass = "majority_class"
    case fewReplacements = "few_replacements"
    case vanishingLayers = "vanishing_layers"
    case explodingLayers = "exploding_layers"
    case learningRateTooHigh = "learning_rate_too_high"
    case learningRateTooLow = "learning_rate_too_low"
}
