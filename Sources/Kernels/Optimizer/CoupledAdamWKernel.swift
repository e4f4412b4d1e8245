/// AdamW whose second moments are those of a whole column (Stollenwerk & Stollenwerk 2025, "Better Embeddings with Coupled Adam",
/// arXiv 2502.08441).
extension Kernels {
    /// Adds the squares of a part of a matrix `[rows, columns]` to sums of its columns.
    ///
    /// - Parameters:
    ///   - gradient: the part, `count` numbers.
    ///   - first: the column of its first number.
    ///   - sums: `[columns]`.
    public static func addColumnSquares(
        _ gradient: UnsafePointer<Float>, count: Int, first: Int, columns: Int,
        into sums: UnsafeMutablePointer<Double>
    ) {
        Profile.enter(.update)
        defer { Profile.leave(flops: 2 * count, floats: count) }
        var index = 0
        var column = first
        while index < count {
            let end = min(columns, column + count - index)
            while column + vectorWidth <= end {
                // In Double, as squares of gradients that clipping will tame may be beyond Float.
                let g = SIMD8<Double>(load(gradient, index))
                let place = UnsafeMutableRawPointer(sums + column)
                place.storeBytes(
                    of: place.loadUnaligned(as: SIMD8<Double>.self).addingProduct(g, g), as: SIMD8<Double>.self)
                index += vectorWidth
                column += vectorWidth
            }
            while column < end {
                let g = Double(gradient[index])
                sums[column].addProduct(g, g)
                index += 1
                column += 1
            }
            column = 0
        }
    }

    /// One AdamW step of a part of a matrix `[rows, columns]`, with the mean square of the gradient's column in the place of each
    /// square. All rows then have the same second moments, which stand in every row.
    ///
    /// - Parameters:
    ///   - count: numbers of the part.
    ///   - first: the column of its first number.
    ///   - squares: `[columns]`, means over all rows of the squares of the gradient, multiplied with the coefficients' scale.
    public static func coupledAdamW(
        weights: UnsafeMutablePointer<Float>, gradient: UnsafeMutablePointer<Float>,
        firstMoment: UnsafeMutablePointer<Float>, secondMoment: UnsafeMutablePointer<Float>, count: Int, first: Int,
        squares: UnsafeBufferPointer<Float>, _ c: AdamWCoefficients
    ) {
        Profile.enter(.update)
        defer { Profile.leave(flops: 14 * count, floats: 8 * count) }
        if c.decaysCautiously {
            decayCautiously(weights, gradient: gradient, firstMoment: firstMoment, count: count, c)
        }
        let decayFactor = c.decaysCautiously ? 1 : c.decayFactor
        let share = 1 - c.beta2
        let columns = squares.count
        var index = 0
        var column = first
        while index < count {
            let end = min(columns, column + count - index)
            while column + vectorWidth <= end {
                let m = (load(gradient, index) * c.gradientScale * (1 - c.beta1))
                    .addingProduct(load(firstMoment, index), Vector(repeating: c.beta1))
                let v = (load(squares.baseAddress!, column) * share)
                    .addingProduct(load(secondMoment, index), Vector(repeating: c.beta2))
                let denominator = Vector(repeating: c.epsilon)
                    .addingProduct(v.squareRoot(), Vector(repeating: c.secondMomentScale))
                store(m, firstMoment, index)
                store(v, secondMoment, index)
                store(
                    (load(weights, index) * decayFactor)
                        .addingProduct(m / denominator, Vector(repeating: -c.stepSize)), weights, index)
                store(.zero, gradient, index)
                index += vectorWidth
                column += vectorWidth
            }
            while column < end {
                firstMoment[index] = (gradient[index] * c.gradientScale * (1 - c.beta1))
                    .addingProduct(firstMoment[index], c.beta1)
                secondMoment[index] = (squares[column] * share).addingProduct(secondMoment[index], c.beta2)
                let denominator = c.epsilon.addingProduct(secondMoment[index].squareRoot(), c.secondMomentScale)
                weights[index] = (weights[index] * decayFactor)
                    .addingProduct(firstMoment[index] / denominator, -c.stepSize)
                gradient[index] = 0
                index += 1
                column += 1
            }
            column = 0
        }
    }
}
