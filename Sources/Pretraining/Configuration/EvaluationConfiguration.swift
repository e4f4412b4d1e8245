import Configuration
import Corpus

/// How much held-out text is evaluated, and how many examples are shown.
public struct EvaluationConfiguration: Configurable, Equatable {
    public var tokens = 65_536
    public var samples = 3

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.integer(
            "tokens", &tokens, HeldOutReader.smallestBudget...1_000_000_000,
            "Held-out tokens of an evaluation, at most, [CLS] and [SEP] included.")
        try fields.integer("samples", &samples, 0...100, "Held-out segments shown with their replacements.")
    }
}
