import Kernels

/// The products of linear layers and the vocabulary, in the pass's precision.
extension LanePass {
    /// `output ← scale · input · weightᵀ`: `[n, inputs]` → `[n, outputs]`.
    package func project(_ input: Matrix, by weight: ParameterSlot, into output: Matrix, scale: Float = 1) {
        let values = weight.matrix(weights)
        switch products {
        case .float32: Kernels.multiply(input, transposed: values, into: output, scale: scale)
        case .bfloat16(let rounded):
            Kernels.multiplyBFloat16(input, transposed: values, rounded: rounded?[weight], into: output, scale: scale)
        }
    }

    /// `inputGradient ← scale · upstream · weight (+ inputGradient)`: `[n, outputs]` → `[n, inputs]`.
    package func projectBack(
        _ upstream: Matrix, by weight: ParameterSlot, into inputGradient: Matrix, accumulate: Bool = false,
        scale: Float = 1
    ) {
        let values = weight.matrix(weights)
        switch products {
        case .float32:
            Kernels.multiply(upstream, values, into: inputGradient, accumulate: accumulate, scale: scale)
        case .bfloat16(let rounded):
            Kernels.multiplyBFloat16(
                upstream, values, rounded: rounded?[weight], into: inputGradient, accumulate: accumulate, scale: scale)
        }
    }

    /// Adds `scale · upstreamᵀ · input` to the gradient of `weight`, unless the pass leaves that out.
    ///
    /// - Parameter ofTask: whether the weight is a task's own, which always learns.
    package func addGradient(
        of weight: ParameterSlot, upstream: Matrix, input: Matrix, scale: Float = 1, ofTask: Bool = false
    ) {
        if isEncoderFixed && !ofTask { return }
        let gradient = weight.matrix(gradient)
        switch products {
        case .float32: Kernels.multiply(transposed: upstream, input, into: gradient, accumulate: true, scale: scale)
        case .bfloat16:
            Kernels.multiplyBFloat16(transposed: upstream, input, into: gradient, accumulate: true, scale: scale)
        }
    }
}

/// How a pass multiplies.
public enum PassProducts: Sendable {
    case float32
    /// With weights rounded for the step; without them each product rounds what it reads, which gives the same.
    case bfloat16(RoundedWeights?)

    /// For networks of a layout, whose weights are to be rounded by `round` before the first pass.
    public init(_ precision: ProductPrecision, _ layout: ParameterLayout) {
        switch precision {
        case .float32: self = .float32
        case .bfloat16: self = .bfloat16(precision.keepsWeights ? RoundedWeights(layout) : nil)
        }
    }

    /// Rounds all weights again, as they have changed.
    public func round(_ weights: FloatBuffer, pool: ThreadPool) {
        if case .bfloat16(let rounded) = self { rounded?.round(weights, pool: pool) }
    }
}
