import Kernels

/// A branch with its residual connection and norm: Post-LN `N(x + F(x))` or Pre-LN `x + F(N(x))`.
struct ResidualSublayer<Body: Branch>: Sendable {
    private let body: Body
    private let norm: LayerNorm
    private let isPost: Bool
    private let dropout: DropoutSite

    /// Post-LN: the sum before the norm. Pre-LN: the normalized input of the branch.
    private let inner: ActivationSlot
    private let output: ActivationSlot
    private let width: Int
    private let workspace: Workspace

    init(
        _ body: Body, norm: LayerNorm, isPost: Bool, dropout: DropoutSite, _ plan: inout ActivationPlan, width: Int,
        tokens: Int, workspace: Workspace
    ) {
        self.body = body
        self.norm = norm
        self.isPost = isPost
        self.dropout = dropout
        inner = plan.reserve(tokens * width)
        output = plan.reserve(tokens * width)
        self.width = width
        self.workspace = workspace
    }

    /// - Parameter x: `[n, hidden]`, kept by the caller until the backward pass.
    /// - Returns: `[n, hidden]`, in this sublayer's own memory.
    func forward(_ x: Matrix, _ pass: LanePass) -> Matrix {
        let inner = inner.matrix(pass, rows: x.rows, columns: x.columns)
        let result = result(pass)
        let branch = workspace.branch.matrix(pass, rows: x.rows, columns: x.columns)
        let bias = body.outputBias.vector(pass.weights)
        if isPost {
            body.forward(x, into: branch, pass)
            Kernels.addResidualThenLayerNorm(
                branch: branch, bias: bias, residual: x, dropout: dropout.decisions(pass),
                firstRow: pass.chunk.firstRow, sum: inner, gain: norm.gain.vector(pass.weights),
                normBias: norm.bias.vector(pass.weights), epsilon: norm.epsilon, output: result,
                statistics: norm.statistics.vector(pass))
        } else {
            norm.forward(x, into: inner, pass)
            body.forward(inner, into: branch, pass)
            Kernels.addResidual(
                branch: branch, bias: bias, residual: x, dropout: dropout.decisions(pass),
                firstRow: pass.chunk.firstRow, output: result)
        }
        return result
    }

    /// What the last forward pass returned.
    func result(_ pass: LanePass) -> Matrix { output.matrix(pass, rows: pass.rows, columns: width) }

    /// - Parameters:
    ///   - gradient: of the output on entry, of `x` on return.
    ///   - x: what the forward pass read.
    func backward(_ gradient: Matrix, x: Matrix, _ pass: LanePass) {
        let inner = inner.matrix(pass, rows: x.rows, columns: x.columns)
        let branch = workspace.branch.matrix(pass, rows: x.rows, columns: x.columns)
        let biasGradient = body.outputBias.vector(pass.gradient)
        if isPost {
            Kernels.addResidualThenLayerNormBackward(
                upstream: gradient, sum: inner, statistics: norm.statistics.vector(pass),
                gain: norm.gain.vector(pass.weights), dropout: dropout.decisions(pass), firstRow: pass.chunk.firstRow,
                gainGradient: norm.gain.vector(pass.gradient), normBiasGradient: norm.bias.vector(pass.gradient),
                residualGradient: gradient, branchGradient: branch, biasGradient: biasGradient)
            body.backward(upstream: branch, input: x, inputGradient: gradient, accumulate: true, pass)
        } else {
            Kernels.addResidualBackward(
                upstream: gradient, dropout: dropout.decisions(pass), firstRow: pass.chunk.firstRow,
                branchGradient: branch, biasGradient: biasGradient)
            body.backward(upstream: branch, input: inner, inputGradient: branch, accumulate: false, pass)
            norm.backward(upstream: branch, x: x, into: gradient, accumulate: true, pass)
        }
    }
}
