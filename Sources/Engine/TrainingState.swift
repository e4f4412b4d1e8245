import Encoder
import Kernels

/// The numbers that training changes: weights and Adam's moments, in buffers of one layout.
public final class TrainingState: Sendable {
    public let layout: ParameterLayout
    public let weights: FloatBuffer
    public let firstMoments: FloatBuffer
    public let secondMoments: FloatBuffer
    /// SAGE's smoothed importance; nil for AdamW.
    public let importance: FloatBuffer?

    public init(_ layout: ParameterLayout, keepsImportance: Bool = false) {
        importance = keepsImportance ? FloatBuffer(count: layout.bufferCount) : nil
        self.layout = layout
        weights = FloatBuffer(count: layout.bufferCount)
        firstMoments = FloatBuffer(count: layout.bufferCount)
        secondMoments = FloatBuffer(count: layout.bufferCount)
    }
}
