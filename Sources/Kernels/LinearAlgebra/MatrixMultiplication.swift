extension Kernels {
    /// `result ← scale · a · bᵀ (+ result)`: `a` is `[n, k]`, `b` is `[m, k]`, the result `[n, m]`.
    ///
    /// The forward product of a linear layer, whose weights are `[output, input]`.
    public static func multiply(
        _ a: Matrix, transposed b: Matrix, into result: Matrix, accumulate: Bool = false, scale: Float = 1
    ) {
        precondition(a.columns == b.columns && result.rows == a.rows && result.columns == b.rows)
        measured(.linearForward, result, depth: a.columns, accumulate) {
            inBlocks(of: b.rows) { start, count in
                product(
                    false, true, a, b.rows(start, count), result.columns(start, count), depth: a.columns,
                    accumulate, scale)
            }
        }
    }

    /// `result ← scale · a · b (+ result)`: `a` is `[n, k]`, `b` is `[k, m]`, the result `[n, m]`.
    ///
    /// The gradient of a linear layer's input, from upstream gradient and weights.
    public static func multiply(
        _ a: Matrix, _ b: Matrix, into result: Matrix, accumulate: Bool = false, scale: Float = 1
    ) {
        precondition(a.columns == b.rows && result.rows == a.rows && result.columns == b.columns)
        measured(.linearInputGradient, result, depth: a.columns, accumulate) {
            inBlocks(of: a.columns) { start, count in
                product(
                    false, false, a.columns(start, count), b.rows(start, count), result, depth: count,
                    accumulate || start > 0, scale)
            }
        }
    }

    /// `result ← scale · aᵀ · b (+ result)`: `a` is `[k, n]`, `b` is `[k, m]`, the result `[n, m]`.
    ///
    /// The weight gradient of a linear layer, from upstream gradient and input.
    public static func multiply(
        transposed a: Matrix, _ b: Matrix, into result: Matrix, accumulate: Bool = false, scale: Float = 1
    ) {
        precondition(a.rows == b.rows && result.rows == a.columns && result.columns == b.columns)
        measured(.linearWeightGradient, result, depth: a.rows, accumulate) {
            inBlocks(of: a.columns) { start, count in
                product(
                    true, false, a.columns(start, count), b, result.rows(start, count), depth: a.rows,
                    accumulate, scale)
            }
        }
    }

    /// The vocabulary's dimension in blocks: OpenBLAS would clear or pack the whole of it first and read it from memory
    /// again, while a block stays in the cache.
    @inline(__always)
    private static func inBlocks(of count: Int, _ body: (_ start: Int, _ count: Int) -> Void) {
        let block = 2048
        guard count >= 4 * block else { return body(0, count) }
        for start in Swift.stride(from: 0, to: count, by: block) { body(start, min(block, count - start)) }
    }

    @inline(__always)
    static func measured(
        _ kernel: Profile.Kernel, _ result: Matrix, depth: Int, _ accumulate: Bool, _ body: () -> Void
    ) {
        let (n, m) = (result.rows, result.columns)
        Profile.enter(kernel, shape: SIMD3(Int32(n), Int32(m), Int32(depth)))
        body()
        Profile.leave(flops: 2 * n * m * depth, floats: n * depth + m * depth + (accumulate ? 2 : 1) * n * m)
    }

    private static func product(
        _ transposeA: Bool, _ transposeB: Bool, _ a: Matrix, _ b: Matrix, _ result: Matrix, depth: Int,
        _ accumulate: Bool, _ scale: Float
    ) {
        guard result.rows > 0, result.columns > 0 else { return }
        ProductLibrary.current.multiply(
            a, transposed: transposeA, b, transposed: transposeB, into: result, depth: depth, accumulate: accumulate,
            scale: scale)
    }
}
