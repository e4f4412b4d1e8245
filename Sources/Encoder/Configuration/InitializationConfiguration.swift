import Configuration

/// Initial values of weights.
public struct InitializationConfiguration: Configurable, Equatable {
    public enum Scheme: String, CaseIterable, Sendable {
        /// Truncated normal of one standard deviation for all weights: BERT, ELECTRA.
        case fixed
        /// Standard deviation 1/√fan-in for matrices; tables keep the fixed one.
        case fanIn = "fan_in"
    }

    public var scheme = Scheme.fixed
    public var standardDeviation = 0.02
    public var scaleResiduals = false
    public var zeroDetectionOutput = false
    public var zeroQueries = false
    public var glorotProjections = false

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.choice(
            "scheme", &scheme, "fixed: one standard deviation for all; fan_in: 1/sqrt(inputs) for matrices.")
        try fields.number(
            "standard_deviation", &standardDeviation, 1e-6...10,
            "Of embedding tables, and of all weights when fixed; from nothing but zeros nothing can be learned.")
        try fields.flag(
            "scale_residuals", &scaleResiduals,
            "Divide sublayer outputs' initial weights by sqrt(2 · layers), of the base depth where there is one.")
        try fields.flag(
            "zero_detection_output", &zeroDetectionOutput,
            "Start the detection logit's weights at 0: no token is suspect, at any width.")
        try fields.flag(
            "zero_queries", &zeroQueries, "Start the query weights at 0: attention is uniform, at any width.")
        try fields.flag(
            "glorot_projections", &glorotProjections,
            "Draw the detection logit's weights and the projection of embeddings uniformly within sqrt(6 / (inputs + "
                + "outputs)), Glorot's rule, as ELECTRA's release; zero_detection_output takes precedence.")
    }
}
