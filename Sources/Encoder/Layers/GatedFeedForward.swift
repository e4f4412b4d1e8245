import Kernels

/// Feed-forward with a gate (Shazeer 2020, arXiv 2002.05202, GEGLU): `(gelu(x·A) ∘ x·B)·C`. Both input matrices stand in
/// one, A's rows first, as in ModernBERT.
struct GatedFeedForward: Branch {
    private let inputWeight: ParameterSlot
    private let inputBias: OptionalBias
    private let outputWeight: ParameterSlot
    let outputBias: OptionalBias
    private let width: Int

    // Kept for the backward pass: the gated activation, and its derivatives, which take the product's place.
    private let activation: ActivationSlot
    private let product: ActivationSlot
    private let workspace: Workspace

    init(_ context: inout EncoderNetwork.BuildContext, name: String) {
        let shape = context.shape
        width = shape.intermediateSize
        inputWeight = context.parameters.matrix(
            "\(name).input.weight", output: 2 * width, input: shape.hiddenSize, role: .hidden)
        inputBias = context.bias("\(name).input.bias", 2 * width)
        outputWeight = context.parameters.matrix(
            "\(name).output.weight", output: shape.hiddenSize, input: width, role: .hidden,
            residualLayers: shape.layerCount)
        context.parameters.multiplies(inputWeight)
        context.parameters.multiplies(outputWeight)
        outputBias = context.bias("\(name).output.bias", shape.hiddenSize, isBranchOutput: true)
        workspace = context.workspace
        activation = workspace.recomputed?.activation ?? context.plan.reserve(context.tokens * width)
        product = workspace.recomputed?.product ?? context.plan.reserve(context.tokens * 2 * width)
    }

    func forward(_ input: Matrix, into output: Matrix, _ pass: LanePass) {
        activate(input, pass)
        let hidden = activation.matrix(pass, rows: pass.rows, columns: width)
        pass.project(hidden, by: outputWeight, into: output)
    }

    private func activate(_ input: Matrix, _ pass: LanePass) {
        let product = product.matrix(pass, rows: pass.rows, columns: 2 * width)
        let hidden = activation.matrix(pass, rows: pass.rows, columns: width)
        pass.project(input, by: inputWeight, into: product)
        Kernels.addBiasGEGLU(
            product, bias: inputBias.vector(pass), output: hidden, keepsDerivatives: pass.gradients != nil)
    }

    func backward(
        upstream: Matrix, input: Matrix, inputGradient: Matrix, accumulate: Bool, _ pass: LanePass
    ) {
        if workspace.recomputed != nil { activate(input, pass) }
        let product = product.matrix(pass, rows: pass.rows, columns: 2 * width)
        let hidden = activation.matrix(pass, rows: pass.rows, columns: width)
        let hiddenGradient = workspace.intermediate.matrix(pass, rows: pass.rows, columns: width)
        pass.addGradient(of: outputWeight, upstream: upstream, input: hidden)
        pass.projectBack(upstream, by: outputWeight, into: hiddenGradient)
        Kernels.gegluBackward(
            upstream: hiddenGradient, derivatives: product, biasGradient: inputBias.gradient(pass))
        pass.addGradient(of: inputWeight, upstream: product, input: input)
        pass.projectBack(product, by: inputWeight, into: inputGradient, accumulate: accumulate)
    }
}
