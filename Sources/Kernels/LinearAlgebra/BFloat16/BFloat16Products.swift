/// The three products of a linear layer with operands rounded to bfloat16, each value once, and sums in single precision.
extension Kernels {
    /// `result ← scale · input · weightᵀ`: `input` is `[n, k]`, `weight` is `[m, k]`, the result `[n, m]`.
    ///
    /// - Parameter rounded: the weight as it was rounded for the step; nil: rounded now.
    public static func multiplyBFloat16(
        _ input: Matrix, transposed weight: Matrix, rounded: BFloat16Weight?, into result: Matrix, scale: Float = 1,
        backend: BFloat16Backend = .current
    ) {
        precondition(input.columns == weight.columns && result.rows == input.rows && result.columns == weight.rows)
        measured(.linearForward, result, depth: input.columns, false) {
            backend.multiply(
                input, transposed: false, weight, transposed: true, known: rounded, into: result, depth: input.columns,
                accumulate: false, scale: scale)
        }
    }

    /// `result ← scale · upstream · weight (+ result)`: `upstream` is `[n, k]`, `weight` is `[k, m]`, the result `[n, m]`.
    ///
    /// - Parameter rounded: the weight as it was rounded for the step; nil: rounded now.
    public static func multiplyBFloat16(
        _ upstream: Matrix, _ weight: Matrix, rounded: BFloat16Weight?, into result: Matrix, accumulate: Bool = false,
        scale: Float = 1, backend: BFloat16Backend = .current
    ) {
        precondition(
            upstream.columns == weight.rows && result.rows == upstream.rows && result.columns == weight.columns)
        measured(.linearInputGradient, result, depth: upstream.columns, accumulate) {
            backend.multiply(
                upstream, transposed: false, weight, transposed: false, known: rounded, into: result,
                depth: upstream.columns, accumulate: accumulate, scale: scale)
        }
    }

    /// `result ← scale · upstreamᵀ · input (+ result)`: `upstream` is `[k, n]`, `input` is `[k, m]`, the result `[n, m]`.
    public static func multiplyBFloat16(
        transposed upstream: Matrix, _ input: Matrix, into result: Matrix, accumulate: Bool = false, scale: Float = 1,
        backend: BFloat16Backend = .current
    ) {
        precondition(
            upstream.rows == input.rows && result.rows == upstream.columns && result.columns == input.columns)
        measured(.linearWeightGradient, result, depth: upstream.rows, accumulate) {
            backend.multiply(
                upstream, transposed: true, input, transposed: false, known: nil, into: result, depth: upstream.rows,
                accumulate: accumulate, scale: scale)
        }
    }
}
