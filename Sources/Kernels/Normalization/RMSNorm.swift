extension Kernels {
    /// Root-mean-square normalization of every row (Zhang & Sennrich 2019, arXiv 1910.07467):
    /// `output ← gain · x/√(mean(x²) + ε)`.
    ///
    /// - Parameters:
    ///   - x, output: `[n, width]`; may be the same.
    ///   - statistics: `[n]`: the reciprocal root of each row, for the backward pass.
    public static func rmsNorm(
        _ x: Matrix, gain: UnsafePointer<Float>, epsilon: Float, output: Matrix,
        statistics: UnsafeMutablePointer<Float>
    ) {
        Profile.enter(.norm)
        defer { Profile.leave(flops: 4 * x.rows * x.columns, floats: 2 * x.rows * x.columns) }
        for row in 0..<x.rows {
            rmsNormRow(x.row(row), gain, epsilon, x.columns, output.row(row), statistics + row)
        }
    }

    /// Gradient of `rmsNorm`: adds to that of the gain, and writes (or adds) that of its input.
    ///
    /// - Parameters:
    ///   - upstream: `[n, width]`, gradient of the output.
    ///   - x, statistics: what the forward pass read and kept.
    ///   - result: `[n, width]`; overwritten, or added to where `accumulate`; may be `upstream`.
    public static func rmsNormBackward(
        upstream: Matrix, x: Matrix, statistics: UnsafePointer<Float>, gain: UnsafePointer<Float>,
        gainGradient: UnsafeMutablePointer<Float>, result: Matrix, accumulate: Bool
    ) {
        Profile.enter(.normBackward)
        defer { Profile.leave(flops: 10 * x.rows * x.columns, floats: (accumulate ? 4 : 3) * x.rows * x.columns) }
        for row in 0..<x.rows {
            rmsNormBackwardRow(
                upstream.row(row), x.row(row), statistics[row], gain, gainGradient, x.columns, result.row(row),
                accumulate)
        }
    }

    /// `sum ← residual + dropout(branch + bias)`, then `output ← rmsNorm(sum)`, while each row is in the cache.
    ///
    /// - Parameter firstRow: index within the batch of row 0, which keys the dropout decisions.
    public static func addResidualThenRMSNorm(
        branch: Matrix, bias: UnsafePointer<Float>, residual: Matrix, dropout: DropoutStream?, firstRow: Int,
        sum: Matrix, gain: UnsafePointer<Float>, epsilon: Float, output: Matrix,
        statistics: UnsafeMutablePointer<Float>
    ) {
        Profile.enter(.residualNorm)
        defer { Profile.leave(flops: 7 * branch.rows * branch.columns, floats: 4 * branch.rows * branch.columns) }
        forEachResidualRow(branch, bias, residual, dropout, firstRow: firstRow, sum: sum) { row in
            rmsNormRow(sum.row(row), gain, epsilon, branch.columns, output.row(row), statistics + row)
        }
    }

    /// Gradient of `addResidualThenRMSNorm`: `residualGradient ←` that of the sum, `branchGradient ←` its dropped-out
    /// form; adds to the gradients of gain and bias. `residualGradient` may be `upstream`.
    public static func addResidualThenRMSNormBackward(
        upstream: Matrix, sum: Matrix, statistics: UnsafePointer<Float>, gain: UnsafePointer<Float>,
        dropout: DropoutStream?, firstRow: Int, gainGradient: UnsafeMutablePointer<Float>,
        residualGradient: Matrix, branchGradient: Matrix, biasGradient: UnsafeMutablePointer<Float>
    ) {
        Profile.enter(.residualNormBackward)
        defer {
            Profile.leave(flops: 12 * upstream.rows * upstream.columns, floats: 4 * upstream.rows * upstream.columns)
        }
        forEachBranchGradientRow(residualGradient, dropout, firstRow: firstRow, branchGradient, biasGradient) { row in
            rmsNormBackwardRow(
                upstream.row(row), sum.row(row), statistics[row], gain, gainGradient, upstream.columns,
                residualGradient.row(row), false)
        }
    }
}

@inline(__always)
func rmsNormRow(
    _ x: UnsafePointer<Float>, _ gain: UnsafePointer<Float>, _ epsilon: Float, _ width: Int,
    _ output: UnsafeMutablePointer<Float>, _ statistics: UnsafeMutablePointer<Float>
) {
    var squares = Vector.zero
    for i in stride(from: 0, to: width, by: vectorWidth) { squares = squares.addingProduct(load(x, i), load(x, i)) }
    let reciprocal = 1 / (sum(squares) / Float(width) + epsilon).squareRoot()
    statistics[0] = reciprocal
    for i in stride(from: 0, to: width, by: vectorWidth) { store(load(x, i) * reciprocal * load(gain, i), output, i) }
}

@inline(__always)
func rmsNormBackwardRow(
    _ upstream: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ reciprocal: Float, _ gain: UnsafePointer<Float>,
    _ gainGradient: UnsafeMutablePointer<Float>, _ width: Int, _ result: UnsafeMutablePointer<Float>,
    _ accumulate: Bool
) {
    var projected = Vector.zero
    for i in stride(from: 0, to: width, by: vectorWidth) {
        let normalized = load(x, i) * reciprocal
        let incoming = load(upstream, i)
        store(load(gainGradient, i).addingProduct(incoming, normalized), gainGradient, i)
        projected = projected.addingProduct(incoming * load(gain, i), normalized)
    }
    let projectedMean = sum(projected) / Float(width)
    for i in stride(from: 0, to: width, by: vectorWidth) {
        let normalized = load(x, i) * reciprocal
        let gradient = (load(upstream, i) * load(gain, i) - normalized * projectedMean) * reciprocal
        store(accumulate ? load(result, i) + gradient : gradient, result, i)
    }
}
