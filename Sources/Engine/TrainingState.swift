import Encoder
import Kernels
import Optimization

/// The numbers that training changes: weights and what the optimizer keeps, in buffers of one layout.
public final class TrainingState: Sendable {
    public let layout: ParameterLayout
    public let weights: FloatBuffer
    /// A buffer for each number that the optimizer keeps for a parameter, in the order of `OptimizerKind.state`.
    public let optimizer: [(name: OptimizerStateName, buffer: FloatBuffer)]

    public init(_ layout: ParameterLayout, _ kind: OptimizerKind = .adamW) {
        self.layout = layout
        weights = FloatBuffer(count: layout.bufferCount)
        optimizer = kind.state.map { ($0, FloatBuffer(count: layout.bufferCount)) }
    }
}
