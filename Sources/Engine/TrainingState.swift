import Encoder
import Kernels
import Optimization

/// The numbers that training changes: weights and what the optimizer keeps, in buffers of one layout.
public final class TrainingState: Sendable {
    public let layout: ParameterLayout
    public let weights: FloatBuffer
    /// A buffer for each number that the optimizer keeps for a parameter, in the order of `OptimizerKind.state`.
    public let optimizer: [(name: OptimizerStateName, buffer: FloatBuffer)]
    /// The average of outer steps, where replicas meet every few steps; complete on the first rank once it was gathered.
    public let outerMomentum: FloatBuffer?

    /// - Parameter isShared: whether other ranks keep parts of what the optimizer keeps: then those take no memory here.
    public init(
        _ layout: ParameterLayout, _ kind: OptimizerKind = .adamW, hasOuterStep: Bool = false, isShared: Bool = false
    ) {
        outerMomentum = hasOuterStep ? FloatBuffer(count: layout.bufferCount) : nil
        self.layout = layout
        weights = FloatBuffer(count: layout.bufferCount)
        optimizer = kind.state.map { ($0, FloatBuffer(count: layout.bufferCount, isSparse: isShared)) }
    }
}
