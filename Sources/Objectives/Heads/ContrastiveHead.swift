import Encoder
import Kernels

/// From the first token of each segment to the vector that is contrasted: dense, GELU, norm (`SCLHead` of COCO-LM's
/// release). One value serves one of the two views; both have the same parameters.
struct ContrastiveHead: Sendable {
    struct Parameters: Sendable {
        let dense: ParameterSlot
        let denseBias: ParameterSlot
    }

    let parameters: Parameters
    private let norm: Norm
    private let gathered: ActivationSlot
    private let activation: ActivationSlot
    private let derivative: ActivationSlot
    private let output: ActivationSlot
    private let width: Int

    /// - Parameter segments: most segments of a chunk.
    init(
        _ builder: inout ParameterBuilder, _ plan: inout ActivationPlan, hiddenSize: Int,
        normalization: NormalizationConfiguration, segments: Int
    ) {
        width = hiddenSize
        parameters = Parameters(
            dense: builder.matrix("contrastive.dense.weight", output: width, input: width, role: .hidden),
            denseBias: builder.bias("contrastive.dense.bias", width))
        norm = Norm(builder.norm("contrastive.norm", width), &plan, normalization, tokens: segments)
        gathered = plan.reserve(segments * width)
        activation = plan.reserve(segments * width)
        derivative = plan.reserve(segments * width)
        output = plan.reserve(segments * width)
    }

    /// - Parameter rows: the first token of each segment.
    /// - Returns: `[segments, hidden]`.
    func forward(_ hidden: Matrix, rows: UnsafeBufferPointer<Int32>, _ pass: LanePass) -> Matrix {
        let gathered = gathered.matrix(pass, rows: rows.count, columns: width)
        let activation = activation.matrix(pass, rows: rows.count, columns: width)
        let output = output.matrix(pass, rows: rows.count, columns: width)
        Kernels.gatherRows(hidden, rows, into: gathered)
        pass.project(gathered, by: parameters.dense, into: activation)
        Kernels.addBiasGELU(
            activation, bias: parameters.denseBias.vector(pass.weights),
            derivative: derivative.matrix(pass, rows: rows.count, columns: width))
        norm.forward(activation, into: output, pass)
        return output
    }

    /// - Parameters:
    ///   - gradient: of what `forward` returned, in its memory; overwritten.
    ///   - hiddenGradient: `[n, hidden]`, to which the gradient at the rows is added.
    func addGradient(
        _ gradient: Matrix, rows: UnsafeBufferPointer<Int32>, to hiddenGradient: Matrix, _ pass: LanePass
    ) {
        let gathered = gathered.matrix(pass, rows: rows.count, columns: width)
        norm.backward(
            upstream: gradient, x: activation.matrix(pass, rows: rows.count, columns: width), into: gradient,
            accumulate: false, pass)
        Kernels.activationBackward(
            upstream: gradient, derivative: derivative.matrix(pass, rows: rows.count, columns: width),
            biasGradient: parameters.denseBias.vector(pass.gradient))
        pass.addGradient(of: parameters.dense, upstream: gradient, input: gathered)
        pass.projectBack(gradient, by: parameters.dense, into: gathered)
        Kernels.scatterAddRows(gathered, rows, into: hiddenGradient)
    }
}
