import Encoder

/// Which part of a pretrained encoder a task uses, and what of it the task may change. The default is all of it.
public struct EncoderUse: Equatable, Sendable {
    /// Layers that are used, from the embeddings up; nil: all.
    public var layers: Int?
    /// Lower layers that stay as they are, and with them embeddings and what all layers share; 0: all moves.
    public var frozenLayers = 0
    /// Share of the layers whose gradients are left out in each step; see `GradientDropping`.
    public var gradientDropping = 0.0
    /// Numbers by which the whole encoder is moved; see `SharedVector`. nil: each weight moves by itself.
    public var sharedVectorSize: Int?
    /// Trained in place of the encoder's weights.
    public var adapters: AdapterConfiguration?

    public init(frozenLayers: Int = 0) { self.frozenLayers = frozenLayers }

    /// Whether the optimizer has nothing to do with the encoder's weights.
    var isEncoderFixed: Bool { sharedVectorSize != nil || adapters != nil }
}

/// How far down a step's backward pass goes, and whose gradients it leaves out.
struct GradientReach: Sendable {
    /// Layers below get none, and the pass ends above them.
    var lowestLayer: Int
    var embeddings: Bool
    /// Tensors whose gradients are cleared, since parts of them may have arrived.
    var cleared: [ParameterSpec]
}
