extension Kernels {
    /// `output ← residual + dropout(branch + bias)`, the end of a sublayer.
    ///
    /// - Parameters:
    ///   - branch, residual, output: `[n, width]`; output may be either.
    ///   - firstRow: index within the batch of row 0, which keys the dropout decisions.
    public static func addResidual(
        branch: Matrix, bias: UnsafePointer<Float>, residual: Matrix, dropout: DropoutStream?, firstRow: Int,
        output: Matrix
    ) {
        Profile.enter(.residual)
        defer { Profile.leave(flops: 3 * branch.rows * branch.columns, floats: 3 * branch.rows * branch.columns) }
        forEachResidualRow(branch, bias, residual, dropout, firstRow: firstRow, sum: output) { _ in }
    }

    /// `sum ← residual + dropout(branch + bias)`, then `output ← layerNorm(sum)`, while each row is in the cache.
    public static func addResidualThenLayerNorm(
        branch: Matrix, bias: UnsafePointer<Float>, residual: Matrix, dropout: DropoutStream?, firstRow: Int,
        sum: Matrix, gain: UnsafePointer<Float>, normBias: UnsafePointer<Float>, epsilon: Float,
        output: Matrix, statistics: UnsafeMutablePointer<Float>
    ) {
        Profile.enter(.residualNorm)
        defer { Profile.leave(flops: 11 * branch.rows * branch.columns, floats: 4 * branch.rows * branch.columns) }
        forEachResidualRow(branch, bias, residual, dropout, firstRow: firstRow, sum: sum) { row in
            layerNormRow(
                sum.row(row), gain, normBias, epsilon, branch.columns, output.row(row), statistics + 2 * row)
        }
    }

    /// Gradient of the branch of `addResidual`: `branchGradient ← dropout(upstream)`, with its column sums added to the
    /// bias gradient. The residual's gradient is the upstream one.
    public static func addResidualBackward(
        upstream: Matrix, dropout: DropoutStream?, firstRow: Int, branchGradient: Matrix,
        biasGradient: UnsafeMutablePointer<Float>
    ) {
        Profile.enter(.residualBackward)
        defer {
            Profile.leave(flops: 2 * upstream.rows * upstream.columns, floats: 2 * upstream.rows * upstream.columns)
        }
        forEachBranchGradientRow(upstream, dropout, firstRow: firstRow, branchGradient, biasGradient) { _ in }
    }

    /// Gradient of `addResidualThenLayerNorm`: `residualGradient ←` that of the sum, `branchGradient ←` its dropped-out
    /// form; adds to the gradients of gain, norm bias and bias. `residualGradient` may be `upstream`.
    public static func addResidualThenLayerNormBackward(
        upstream: Matrix, sum: Matrix, statistics: UnsafePointer<Float>, gain: UnsafePointer<Float>,
        dropout: DropoutStream?, firstRow: Int,
        gainGradient: UnsafeMutablePointer<Float>, normBiasGradient: UnsafeMutablePointer<Float>,
        residualGradient: Matrix, branchGradient: Matrix, biasGradient: UnsafeMutablePointer<Float>
    ) {
        Profile.enter(.residualNormBackward)
        defer {
            Profile.leave(flops: 18 * upstream.rows * upstream.columns, floats: 4 * upstream.rows * upstream.columns)
        }
        forEachBranchGradientRow(residualGradient, dropout, firstRow: firstRow, branchGradient, biasGradient) { row in
            layerNormBackwardRow(
                upstream.row(row), sum.row(row), statistics + 2 * row, gain, gainGradient, normBiasGradient,
                upstream.columns, residualGradient.row(row), false)
        }
    }

    /// `x ← dropout(x)`; its own gradient with the same arguments.
    public static func applyDropout(_ x: Matrix, _ dropout: DropoutStream, firstRow: Int) {
        Profile.enter(.dropout)
        defer { Profile.leave(flops: x.rows * x.columns, floats: 2 * x.rows * x.columns) }
        withDropoutFactors(width: x.columns) { factors in
            for row in 0..<x.rows {
                dropout.writeFactors(row: UInt32(truncatingIfNeeded: firstRow + row), count: x.columns, to: factors)
                let values = x.row(row)
                for i in Swift.stride(from: 0, to: x.columns, by: vectorWidth) {
                    store(load(values, i) * load(factors, i), values, i)
                }
            }
        }
    }

    /// `sum ← residual + dropout(branch + bias)`, row by row, and what is to follow while the row is in the cache.
    @inline(__always)
    static func forEachResidualRow(
        _ branch: Matrix, _ bias: UnsafePointer<Float>, _ residual: Matrix, _ dropout: DropoutStream?, firstRow: Int,
        sum: Matrix, then body: (_ row: Int) -> Void
    ) {
        withDropoutFactors(width: branch.columns) { factors in
            for row in 0..<branch.rows {
                dropout?.writeFactors(
                    row: UInt32(truncatingIfNeeded: firstRow + row), count: branch.columns, to: factors)
                residualRow(
                    branch.row(row), bias, residual.row(row), dropout == nil ? nil : factors, branch.columns,
                    sum.row(row))
                body(row)
            }
        }
    }

    /// `branchGradient ← dropout(upstream)` with its column sums added to the bias gradient, row by row, after `body` has
    /// written the row of `upstream` if it still has to be.
    @inline(__always)
    static func forEachBranchGradientRow(
        _ upstream: Matrix, _ dropout: DropoutStream?, firstRow: Int, _ branchGradient: Matrix,
        _ biasGradient: UnsafeMutablePointer<Float>, after body: (_ row: Int) -> Void
    ) {
        withDropoutFactors(width: upstream.columns) { factors in
            for row in 0..<upstream.rows {
                body(row)
                dropout?.writeFactors(
                    row: UInt32(truncatingIfNeeded: firstRow + row), count: upstream.columns, to: factors)
                residualBackwardRow(
                    upstream.row(row), dropout == nil ? nil : factors, upstream.columns, branchGradient.row(row),
                    biasGradient)
            }
        }
    }

    /// Scratch for one row of dropout factors.
    @inline(__always)
    static func withDropoutFactors(width: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { body($0.baseAddress!) }
    }
}

@inline(__always)
private func residualRow(
    _ branch: UnsafePointer<Float>, _ bias: UnsafePointer<Float>, _ residual: UnsafePointer<Float>,
    _ factors: UnsafePointer<Float>?, _ width: Int, _ output: UnsafeMutablePointer<Float>
) {
    if let factors {
        for i in stride(from: 0, to: width, by: vectorWidth) {
            store(load(residual, i).addingProduct(load(branch, i) + load(bias, i), load(factors, i)), output, i)
        }
    } else {
        for i in stride(from: 0, to: width, by: vectorWidth) {
            store(load(residual, i) + (load(branch, i) + load(bias, i)), output, i)
        }
    }
}

@inline(__always)
private func residualBackwardRow(
    _ upstream: UnsafePointer<Float>, _ factors: UnsafePointer<Float>?, _ width: Int,
    _ branchGradient: UnsafeMutablePointer<Float>, _ biasGradient: UnsafeMutablePointer<Float>
) {
    for i in stride(from: 0, to: width, by: vectorWidth) {
        var gradient = load(upstream, i)
        if let factors { gradient *= load(factors, i) }
        store(gradient, branchGradient, i)
        store(load(biasGradient, i) + gradient, biasGradient, i)
    }
}
