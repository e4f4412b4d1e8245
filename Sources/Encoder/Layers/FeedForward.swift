import Kernels

/// Two linear layers with GELU or a squared ReLU between them.
struct FeedForward: Branch {
    private let inputWeight: ParameterSlot
    private let inputBias: OptionalBias
    private let outputWeight: ParameterSlot
    let outputBias: OptionalBias

    private let isSquaredReLU: Bool

    // Kept for the backward pass: the activation, and its derivative where it was taken.
    private let activation: ActivationSlot
    private let derivative: ActivationSlot
    private let workspace: Workspace

    init(_ context: inout EncoderNetwork.BuildContext, name: String) {
        let shape = context.shape
        isSquaredReLU = context.model.feedForward == .squaredReLU
        inputWeight = context.parameters.matrix(
            "\(name).input.weight", output: shape.intermediateSize, input: shape.hiddenSize, role: .hidden)
        inputBias = context.bias("\(name).input.bias", shape.intermediateSize)
        outputWeight = context.parameters.matrix(
            "\(name).output.weight", output: shape.hiddenSize, input: shape.intermediateSize, role: .hidden,
            residualLayers: shape.layerCount)
        context.parameters.multiplies(inputWeight)
        context.parameters.multiplies(outputWeight)
        outputBias = context.bias("\(name).output.bias", shape.hiddenSize, isBranchOutput: true)
        workspace = context.workspace
        let count = context.tokens * shape.intermediateSize
        activation = workspace.recomputed?.activation ?? context.plan.reserve(count)
        derivative = workspace.recomputed?.product ?? context.plan.reserve(count)
    }

    func forward(_ input: Matrix, into output: Matrix, _ pass: LanePass) {
        activate(input, pass)
        let hidden = activation.matrix(pass, rows: pass.rows, columns: inputWeight.rows)
        pass.project(hidden, by: outputWeight, into: output)
    }

    private func activate(_ input: Matrix, _ pass: LanePass) {
        let hidden = activation.matrix(pass, rows: pass.rows, columns: inputWeight.rows)
        pass.project(input, by: inputWeight, into: hidden)
        let bias = inputBias.vector(pass)
        let slopes =
            pass.gradients == nil ? nil : derivative.matrix(pass, rows: pass.rows, columns: inputWeight.rows)
        if isSquaredReLU {
            Kernels.addBiasSquaredReLU(hidden, bias: bias, derivative: slopes)
        } else {
            Kernels.addBiasGELU(hidden, bias: bias, derivative: slopes)
        }
    }

    func backward(
        upstream: Matrix, input: Matrix, inputGradient: Matrix, accumulate: Bool, _ pass: LanePass
    ) {
        if workspace.recomputed != nil { activate(input, pass) }
        let hidden = activation.matrix(pass, rows: pass.rows, columns: inputWeight.rows)
        let hiddenGradient = workspace.intermediate.matrix(pass, rows: pass.rows, columns: inputWeight.rows)
        pass.addGradient(of: outputWeight, upstream: upstream, input: hidden)
        pass.projectBack(upstream, by: outputWeight, into: hiddenGradient)
        Kernels.activationBackward(
            upstream: hiddenGradient, derivative: derivative.matrix(pass, rows: pass.rows, columns: inputWeight.rows),
            biasGradient: inputBias.gradient(pass))
        pass.addGradient(of: inputWeight, upstream: hiddenGradient, input: input)
        pass.projectBack(hiddenGradient, by: inputWeight, into: inputGradient, accumulate: accumulate)
    }
}
