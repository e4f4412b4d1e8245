import Objectives

/// Which tokens of a batch are masked, and what stands in their place: made by one model, shown to others.
public struct Corruption: Sendable {
    public var masking: Masking
    /// One for each of the masking's positions.
    public var replacements: [Int32]

    public init(masking: Masking, replacements: [Int32]) {
        self.masking = masking
        self.replacements = replacements
    }
}
