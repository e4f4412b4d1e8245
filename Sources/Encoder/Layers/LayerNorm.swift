import Kernels

/// The parameters of one layer norm and the statistics that its backward pass needs.
struct LayerNorm: Sendable {
    let gain: ParameterSlot
    let bias: ParameterSlot
    let epsilon: Float
    let statistics: ActivationSlot

    init(
        _ parameters: (gain: ParameterSlot, bias: ParameterSlot), _ plan: inout ActivationPlan, epsilon: Double,
        tokens: Int
    ) {
        gain = parameters.gain
        bias = parameters.bias
        self.epsilon = Float(epsilon)
        statistics = plan.reserve(2 * tokens)
    }

    func forward(_ x: Matrix, into output: Matrix, _ pass: LanePass) {
        Kernels.layerNorm(
            x, gain: gain.vector(pass.weights), bias: bias.vector(pass.weights), epsilon: epsilon, output: output,
            statistics: statistics.vector(pass))
    }

    func backward(upstream: Matrix, x: Matrix, into result: Matrix, accumulate: Bool, _ pass: LanePass) {
        Kernels.layerNormBackward(
            upstream: upstream, x: x, statistics: statistics.vector(pass), gain: gain.vector(pass.weights),
            gainGradient: gain.vector(pass.gradient), biasGradient: bias.vector(pass.gradient), result: result,
            accumulate: accumulate)
    }
}
