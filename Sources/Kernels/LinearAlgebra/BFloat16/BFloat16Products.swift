import CAVX512

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
            product(input, weight, transposed: true, rounded?.forward, into: result, false, scale, backend)
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
            product(upstream, weight, transposed: false, rounded?.backward, into: result, accumulate, scale, backend)
        }
    }

    /// `result ← scale · upstreamᵀ · input (+ result)`: `upstream` is `[k, n]`, `input` is `[k, m]`, the result `[n, m]`.
    public static func multiplyBFloat16(
        transposed upstream: Matrix, _ input: Matrix, into result: Matrix, accumulate: Bool = false, scale: Float = 1,
        backend: BFloat16Backend = .current
    ) {
        precondition(
            upstream.rows == input.rows && result.rows == upstream.columns && result.columns == input.columns)
        guard result.rows > 0, result.columns > 0 else { return }
        measured(.linearWeightGradient, result, depth: upstream.rows, accumulate) {
            let scratch = BFloat16Scratch.current
            switch backend {
            case .processor:
                let a = panels(upstream, scratch, 0)
                bfloat16_multiply(
                    a, true, panels(input, scratch, 1), result.rows, result.columns, (upstream.rows + 1) / 2,
                    result.base, result.stride, accumulate, scale)
            case .emulated:
                ProductLibrary.current.multiply(
                    rounded(upstream, scratch, 0), transposed: true, rounded(input, scratch, 1), transposed: false,
                    into: result, depth: upstream.rows, accumulate: accumulate, scale: scale)
            }
        }
    }

    /// `result ← scale · left · op(weight) (+ result)`.
    ///
    /// - Parameter known: the weight's panels, if they have been made.
    private static func product(
        _ left: Matrix, _ weight: Matrix, transposed: Bool, _ known: UnsafeMutablePointer<UInt16>?,
        into result: Matrix, _ accumulate: Bool, _ scale: Float, _ backend: BFloat16Backend
    ) {
        guard result.rows > 0, result.columns > 0 else { return }
        let scratch = BFloat16Scratch.current
        let depth = left.columns
        switch backend {
        case .processor:
            let pairs = (depth + 1) / 2
            let rows = scratch.memory(0, byteCount: 4 * left.rows * pairs).assumingMemoryBound(to: UInt16.self)
            bfloat16_rows(left.base, left.rows, depth, left.stride, rows)
            bfloat16_multiply(
                rows, false, known ?? (transposed ? transposedPanels(weight, scratch) : panels(weight, scratch, 1)),
                result.rows, result.columns, pairs, result.base, result.stride, accumulate, scale)
        case .emulated:
            ProductLibrary.current.multiply(
                rounded(left, scratch, 0), transposed: false, rounded(weight, scratch, 1), transposed: transposed,
                into: result, depth: depth, accumulate: accumulate, scale: scale)
        }
    }

    private static func panels(
        _ x: Matrix, _ scratch: BFloat16Scratch, _ operand: Int
    ) -> UnsafeMutablePointer<UInt16> {
        let count = BFloat16Weight.panelCount(width: x.columns, depth: x.rows)
        let result = scratch.memory(operand, byteCount: 2 * count).assumingMemoryBound(to: UInt16.self)
        bfloat16_panels(x.base, x.rows, x.columns, x.stride, result)
        return result
    }

    private static func transposedPanels(_ x: Matrix, _ scratch: BFloat16Scratch) -> UnsafeMutablePointer<UInt16> {
        let count = BFloat16Weight.panelCount(width: x.rows, depth: x.columns)
        let result = scratch.memory(1, byteCount: 2 * count).assumingMemoryBound(to: UInt16.self)
        bfloat16_transposed_panels(x.base, x.rows, x.columns, x.stride, result)
        return result
    }

    private static func rounded(_ x: Matrix, _ scratch: BFloat16Scratch, _ operand: Int) -> Matrix {
        x.roundedToBFloat16(in: scratch.memory(operand, byteCount: 4 * x.rows * x.columns))
    }
}
