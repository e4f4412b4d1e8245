import Parametrization

/// All that is known of one parameter tensor before it has values. Optimizer, checkpoint, export, clipping and the muP
/// report are loops over these.
public struct ParameterSpec: Sendable, Equatable {
    /// How the initial values are drawn.
    public enum Initialization: Sendable, Equatable {
        case zeros
        case ones
        /// Normal, truncated at two standard deviations.
        case truncatedNormal(standardDeviation: Double)
        /// Uniform between −bound and bound.
        case uniform(bound: Double)
    }

    public var name: String
    /// Linear weights are `[output, input]`.
    public var shape: [Int]
    public var role: ParameterRole
    /// Width relative to the base width: of the dimension that a hidden matrix or readout reads from, of the network for
    /// all else.
    public var widthRatio: Double
    /// Where it stands relative to the residual branches, and the depth of its network relative to the base depth.
    public var depth = ParameterDepth.outside
    public var depthRatio = 1.0
    /// Initial values in the standard parametrization.
    public var initialization: Initialization
    /// Whether weight decay applies: not to norms and biases.
    public var decays: Bool
    /// Whether it is an embedding table, which has a learning-rate multiplier of its own.
    public var isEmbeddingTable: Bool
    /// Index of the first element in the parameter buffer.
    public internal(set) var offset = 0

    public var count: Int { shape.reduce(1, *) }
    public var scaling: ParameterScaling {
        plantedScaling ?? ParameterScaling(role, widthRatio: widthRatio, depth: depth, depthRatio: depthRatio)
    }

    /// Other factors than its role's: how tests plant the mistakes that the coordinate check has to find.
    package var plantedScaling: ParameterScaling?

    /// Has the second and later token types begin as the first, where no text has trained them; other tensors stay.
    ///
    /// - Parameter values: of the tensor.
    package func repeatFirstTokenType(in values: UnsafeMutablePointer<Float>) {
        guard name.hasSuffix("token_type") else { return }
        let width = shape[1]
        for row in 1..<shape[0] { (values + row * width).update(from: values, count: width) }
    }

    /// Where the tensor stands in the parameter buffer and in every buffer that mirrors it.
    public var slot: ParameterSlot {
        ParameterSlot(offset: offset, rows: shape.count > 1 ? shape[0] : 1, columns: shape.last ?? 1)
    }
}
