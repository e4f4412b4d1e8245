import Configuration

/// Which objective is trained.
public enum ObjectiveName: String, CaseIterable, Sendable {
    /// Replaced-token detection with a masked-language-model generator (Clark et al. 2020, arXiv 2003.10555).
    case electra
}

/// The objective's weights and fractions; the defaults are ELECTRA's.
public struct ObjectiveConfiguration: Configurable, Equatable {
    public var name = ObjectiveName.electra
    public var maskFraction = 0.15
    public var maskTokenFraction = 0.85
    public var generatorWeight = 1.0
    public var discriminatorWeight = 50.0

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.choice("name", &name, "The objective.")
        try fields.number("mask_fraction", &maskFraction, 0.001...0.9, "Share of a sequence's tokens that is masked.")
        try fields.number(
            "mask_token_fraction", &maskTokenFraction, 0...1,
            "Share of the chosen positions that show [MASK]; the others keep their token.")
        try fields.number("generator_weight", &generatorWeight, 0...1e6, "Weight of the generator's loss.")
        try fields.number("discriminator_weight", &discriminatorWeight, 0...1e6, "Weight of the detection loss.")
    }
}
