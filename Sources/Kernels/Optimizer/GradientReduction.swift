extension Kernels {
    /// Sums buffers in a given order, and clears all but the sum.
    ///
    /// - Parameters:
    ///   - order: one after another, `sources[into] ← sources[into] + sources[from]`; the last of all stands in `sources[0]`.
    ///   - rounded: whether each is rounded to bfloat16 before it is added to another.
    /// - Returns: Σ x² of the sum, accumulated in double precision per block; NaN or infinite if and only if any element is.
    public static func mergeGradients(
        _ sources: [UnsafeMutablePointer<Float>], order: [(into: Int, from: Int)], count: Int, rounded: Bool = false
    ) -> Double {
        Profile.enter(.merge)
        defer { Profile.leave(flops: (order.count + 2) * count, floats: (2 * order.count + 3) * count) }
        let target = sources[0]
        let block = 1024
        var total = 0.0
        for start in Swift.stride(from: 0, to: count, by: block) {
            let end = min(start + block, count)
            for (into, from) in order {
                move(sources[from] + start, into: sources[into] + start, count: end - start, rounded: rounded)
            }
            let whole = start + (end - start) / vectorWidth * vectorWidth
            var squares = Vector.zero
            for i in Swift.stride(from: start, to: whole, by: vectorWidth) {
                squares = squares.addingProduct(load(target, i), load(target, i))
            }
            var partial = Double(sum(squares))
            // Finite gradients beyond 10¹⁹ overflow when squared: once more, in double precision.
            if !partial.isFinite {
                partial = (start..<whole).reduce(0) { $0 + Double(target[$1]) * Double(target[$1]) }
            }
            total += partial
            for i in whole..<end { total += Double(target[i]) * Double(target[i]) }
        }
        return total
    }

    /// `target ← target + source`, then `source ← 0`.
    ///
    /// - Parameter rounded: whether both are rounded to bfloat16 before.
    public static func moveGradients(
        _ source: UnsafeMutablePointer<Float>, into target: UnsafeMutablePointer<Float>, count: Int,
        rounded: Bool = false
    ) {
        Profile.enter(.merge)
        defer { Profile.leave(flops: count, floats: 4 * count) }
        move(source, into: target, count: count, rounded: rounded)
    }

    @inline(__always)
    private static func move(
        _ source: UnsafeMutablePointer<Float>, into target: UnsafeMutablePointer<Float>, count: Int, rounded: Bool
    ) {
        let whole = count / vectorWidth * vectorWidth
        if rounded {
            for i in Swift.stride(from: 0, to: whole, by: vectorWidth) {
                store(bfloat16(load(target, i)) + bfloat16(load(source, i)), target, i)
                store(.zero, source, i)
            }
            for i in whole..<count {
                target[i] = bfloat16(target[i]) + bfloat16(source[i])
                source[i] = 0
            }
            return
        }
        for i in Swift.stride(from: 0, to: whole, by: vectorWidth) {
            store(load(target, i) + load(source, i), target, i)
            store(.zero, source, i)
        }
        for i in whole..<count {
            target[i] += source[i]
            source[i] = 0
        }
    }
}
