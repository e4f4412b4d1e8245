import Kernels

/// A branch with its residual connection and norms, in one of the forms of `LayerNormalization`.
struct ResidualSublayer: Sendable {
    let body: any Branch
    /// Post-LN: after the sum. Otherwise: before the branch, where there is one.
    private let norm: Norm?
    private let form: LayerNormalization
    /// Peri-LN: the norm of the branch's output, and what it reads.
    private let outputNorm: (norm: Norm, sum: ActivationSlot)?
    private let dropout: DropoutSite

    /// Post-LN: the sum before the norm. Otherwise: the normalized input of the branch; nil where that is the input itself.
    private let inner: ActivationSlot?
    private let output: ActivationSlot
    /// Whether the norm's output is computed again in the backward pass.
    private let recomputesNorm: Bool
    private let width: Int
    private let workspace: Workspace

    /// - Parameters:
    ///   - name: of the branch; its norms are named after it.
    ///   - recomputed: where the norm's output goes, if it is computed again.
    ///   - ownOutput: where the output goes, if planned already.
    init(
        _ context: inout EncoderNetwork.BuildContext, _ body: any Branch, name: String, form: LayerNormalization,
        dropout: DropoutSite, recomputed: RecomputedActivations.Normalized?, output ownOutput: ActivationSlot? = nil
    ) {
        width = context.shape.hiddenSize
        self.body = body
        self.form = form
        var scale = 1.0
        if case .pre(let factor) = form { scale = factor }
        norm = form == .bare ? nil : context.norm("\(name).norm", width, scale: scale)
        let sumCount = context.tokens * width
        outputNorm =
            form == .peri
            ? (context.norm("\(name).output_norm", width), context.plan.reserve(sumCount)) : nil
        self.dropout = dropout
        recomputesNorm = recomputed != nil && norm != nil
        let (ofInput, ofOutput) = form == .post ? (nil, recomputed?.output) : (recomputed?.input, nil)
        inner = form == .bare ? nil : ofInput ?? context.plan.reserve(sumCount)
        output = ownOutput ?? ofOutput ?? context.plan.reserve(sumCount)
        workspace = context.workspace
    }

    /// The first part of the forward pass, before rows meet.
    ///
    /// - Parameter x: the pass's rows, `[n, hidden]`, kept by the caller until the backward pass.
    func prepare(_ x: Matrix, _ pass: LanePass) {
        guard form != .post, let norm else { return body.prepare(x, pass) }
        let inner = branchInput(x, pass)
        norm.forward(x, into: inner, pass)
        body.prepare(inner, pass)
    }

    /// Computes the branch's input again, where a norm makes it: in the backward pass, before it is read.
    ///
    /// - Parameter x: what the forward pass read.
    func restoreBranchInput(_ x: Matrix, _ pass: LanePass) {
        guard recomputesNorm, form != .post, let norm, let inner else { return }
        norm.forward(x, into: inner.matrix(pass, rows: pass.rows, columns: width), pass)
    }

    /// Whether `restoreResult` has something to do.
    var recomputesResult: Bool { recomputesNorm && form == .post }

    /// Computes the result again, where a norm makes it.
    func restoreResult(_ pass: LanePass) {
        guard recomputesResult, let norm, let inner else { return }
        norm.forward(inner.matrix(pass, rows: pass.rows, columns: width), into: result(pass), pass)
    }

    /// What the branch reads: `x`, or what `prepare` made of it.
    func branchInput(_ x: Matrix, _ pass: LanePass) -> Matrix {
        guard form != .post, let inner else { return x }
        return inner.matrix(pass, rows: x.rows, columns: x.columns)
    }

    /// The second part.
    ///
    /// - Returns: `[n, hidden]`, in this sublayer's own memory.
    func forward(_ x: Matrix, _ pass: LanePass) -> Matrix {
        let result = result(pass)
        let branch = workspace.branch.matrix(pass, rows: x.rows, columns: x.columns)
        let bias = body.outputBias.vector(pass)
        if form == .post, let norm, let inner {
            body.forward(x, into: branch, pass)
            norm.forwardOfResidual(
                branch: branch, bias: bias, residual: x, dropout: dropout.decisions(pass),
                sum: inner.matrix(pass, rows: x.rows, columns: x.columns), into: result, pass)
            return result
        }
        body.forward(branchInput(x, pass), into: branch, pass)
        if let (norm, sum) = outputNorm {
            norm.forwardOfBranch(
                branch: branch, bias: bias, residual: x, dropout: dropout.decisions(pass),
                sum: sum.matrix(pass, rows: x.rows, columns: x.columns), into: result, pass)
        } else {
            Kernels.addResidual(
                branch: branch, bias: bias, residual: x, dropout: dropout.decisions(pass),
                firstRow: pass.chunk.firstRow, output: result)
        }
        return result
    }

    /// What the branch put out in the last forward pass, before bias and sum; until another sublayer's forward pass.
    func branchOutput(_ pass: LanePass) -> Matrix { workspace.branch.matrix(pass, rows: pass.rows, columns: width) }

    /// What the last forward pass returned.
    func result(_ pass: LanePass) -> Matrix { output.matrix(pass, rows: pass.rows, columns: width) }

    /// The first part of the backward pass, before rows meet.
    ///
    /// - Parameters:
    ///   - gradient: of the output on entry; that of the residual afterwards.
    ///   - x: what the forward pass read.
    func beginBackward(_ gradient: Matrix, x: Matrix, _ pass: LanePass) {
        let branch = workspace.branch.matrix(pass, rows: x.rows, columns: x.columns)
        let biasGradient = body.outputBias.gradient(pass)
        if form == .post, let norm, let inner {
            norm.backwardOfResidual(
                gradient, sum: inner.matrix(pass, rows: x.rows, columns: x.columns),
                dropout: dropout.decisions(pass), branchGradient: branch, biasGradient: biasGradient, pass)
            body.beginBackward(upstream: branch, pass)
            return
        }
        if let (norm, sum) = outputNorm {
            norm.backwardOfBranch(
                gradient, sum: sum.matrix(pass, rows: x.rows, columns: x.columns), dropout: dropout.decisions(pass),
                branchGradient: branch, biasGradient: biasGradient, pass)
        } else {
            Kernels.addResidualBackward(
                upstream: gradient, dropout: dropout.decisions(pass), firstRow: pass.chunk.firstRow,
                branchGradient: branch, biasGradient: biasGradient)
        }
        body.beginBackward(upstream: branch, pass)
    }

    /// The second part. Between the parts of a branch that mixes rows, other slices may have used the workspace.
    ///
    /// - Parameter gradient: of the residual on entry, of `x` on return.
    func backward(_ gradient: Matrix, x: Matrix, _ pass: LanePass) {
        let branch = workspace.branch.matrix(pass, rows: x.rows, columns: x.columns)
        guard form != .post, let norm else {
            body.backward(upstream: branch, input: x, inputGradient: gradient, accumulate: true, pass)
            return
        }
        body.backward(
            upstream: branch, input: branchInput(x, pass), inputGradient: branch, accumulate: false, pass)
        norm.backward(upstream: branch, x: x, into: gradient, accumulate: true, pass)
    }
}
