/// Factors of the maximal update parametrization in one network's forward pass. All 1 in the standard parametrization.
public struct ExportMultipliers: Sendable, Equatable {
    /// The engine's factor on attention scores times √(head size), that is, relative to the usual 1/√(head size).
    public var attention: Double
    /// Factor on the logits before their bias.
    public var output: Double

    public init(attention: Double = 1, output: Double = 1) {
        self.attention = attention
        self.output = output
    }

    subscript(multiplier: MappedTensor.Multiplier?) -> Double {
        switch multiplier {
        case .attention: attention
        case .output: output
        case nil: 1
        }
    }

    var areUsable: Bool { [attention, output].allSatisfy { $0.isFinite && $0 != 0 } }
}
