import Foundation

/// Attention of single queries to inputs whose keys and values nobody else reads, which are therefore not computed:
/// `q · (W x + b) = (Wᵀ q) · x + q · b`, and `Σ p (W x + b) = W Σ p x + b Σ p`.
///
/// One head at a time. A query costs `2 · width` products an input, where keys and values of all inputs cost
/// `2 · width · headSize`. The inputs' gradient is of low rank, and left behind in parts.
public struct FoldedAttention: Sendable {
    public let headSize: Int
    /// Of the inputs.
    public let width: Int

    public init(headSize: Int, width: Int) {
        self.headSize = headSize
        self.width = width
    }

    /// Floats of scratch memory that a call needs.
    public func scratchCount(inputs: Int) -> Int { 2 * padded(inputs) + 3 * width }

    private func padded(_ count: Int) -> Int { (count + vectorWidth - 1) / vectorWidth * vectorWidth }

    /// A head's projection of the inputs, or its gradient.
    public struct Projection {
        /// `[headSize, width]`.
        public var weights: Matrix
        /// `[headSize]`.
        public var bias: UnsafeMutablePointer<Float>

        public init(weights: Matrix, bias: UnsafeMutablePointer<Float>) {
            self.weights = weights
            self.bias = bias
        }
    }

    /// What a query sees: all inputs, but for dropout.
    public struct Sight {
        /// `[n, width]`.
        public var inputs: Matrix
        public var keys: Projection
        public var values: Projection
        /// Of the probabilities.
        public var dropout: DropoutStream?
        /// The query's row in the dropout stream.
        public var dropoutRow: UInt32

        /// - Parameter dropout: its tensor index is that of head 0.
        public init(
            inputs: Matrix, keys: Projection, values: Projection, dropout: DropoutStream?, head: Int, dropoutRow: Int
        ) {
            self.inputs = inputs
            self.keys = keys
            self.values = values
            self.dropout = dropout?.advanced(by: head)
            self.dropoutRow = UInt32(truncatingIfNeeded: dropoutRow)
        }
    }

    /// The gradient of input `i` is `probabilities[i] · value + slopes[i] · key`.
    public struct InputGradient {
        /// `[n]`.
        public var probabilities: UnsafeMutablePointer<Float>
        public var slopes: UnsafeMutablePointer<Float>
        /// `[width]`.
        public var value: UnsafeMutablePointer<Float>
        public var key: UnsafeMutablePointer<Float>

        public init(
            probabilities: UnsafeMutablePointer<Float>, slopes: UnsafeMutablePointer<Float>,
            value: UnsafeMutablePointer<Float>, key: UnsafeMutablePointer<Float>
        ) {
            self.probabilities = probabilities
            self.slopes = slopes
            self.value = value
            self.key = key
        }
    }

    /// - Parameters:
    ///   - query: `[headSize]`, scaled.
    ///   - output: `[headSize]`, overwritten.
    /// - Returns: the log-sum-exp of the scores.
    public func forward(
        query: UnsafePointer<Float>, _ sight: Sight, output: UnsafeMutablePointer<Float>,
        scratch: UnsafeMutablePointer<Float>
    ) -> Float {
        let count = sight.inputs.rows
        Profile.enter(.attentionForward)
        defer { Profile.leave(flops: 4 * count * width, floats: count * width) }
        let size = padded(count)
        let (scores, key, mean) = (scratch, scratch + 2 * size, scratch + 2 * size + width)
        combine(query, sight.keys.weights, into: key)
        scores.advanced(by: count).update(repeating: -.infinity, count: size - count)
        dot(sight.inputs, key, plus: dot(query, sight.keys.bias), into: scores)

        var highest = Vector(repeating: -.infinity)
        for i in stride(from: 0, to: size, by: vectorWidth) { highest = maximum(highest, load(scores, i)) }
        let top = maximum(highest)
        var total = Vector.zero
        var kept = Vector.zero
        forEachFactor(sight, size) { i, factors in
            let power = exponential(load(scores, i) - top)
            total += power
            kept += power * factors
            store(power * factors, scores, i)
        }
        mean.update(repeating: 0, count: width)
        accumulate(sight.inputs, scores, into: mean, scratch: mean + width)
        let all = sum(total)
        let (reciprocal, share) = (1 / all, sum(kept))
        for i in 0..<headSize {
            output[i] = (dot(sight.values.weights.row(i), mean, width) + share * sight.values.bias[i]) * reciprocal
        }
        return top + log(all)
    }

    /// - Parameters:
    ///   - upstream, output, logSumExp: `[headSize]` each, and what the forward pass returned.
    ///   - keyGradient, valueGradient: added to.
    ///   - queryGradient: `[headSize]`, overwritten.
    ///   - inputGradient: overwritten.
    public func backward(
        upstream: UnsafePointer<Float>, query: UnsafePointer<Float>, _ sight: Sight, output: UnsafePointer<Float>,
        logSumExp: Float, keyGradient: Projection, valueGradient: Projection,
        queryGradient: UnsafeMutablePointer<Float>, inputGradient: InputGradient, scratch: UnsafeMutablePointer<Float>
    ) {
        let count = sight.inputs.rows
        Profile.enter(.attentionBackward)
        defer { Profile.leave(flops: 8 * count * width, floats: 2 * count * width) }
        let size = padded(count)
        let (scores, slopes) = (scratch, scratch + size)
        let (mean, slope) = (scratch + 2 * size, scratch + 2 * size + width)
        combine(query, sight.keys.weights, into: inputGradient.key)
        combine(upstream, sight.values.weights, into: inputGradient.value)
        scores.advanced(by: count).update(repeating: -.infinity, count: size - count)
        slopes.advanced(by: count).update(repeating: 0, count: size - count)
        dot(sight.inputs, inputGradient.key, plus: dot(query, sight.keys.bias), into: scores)
        dot(sight.inputs, inputGradient.value, plus: dot(upstream, sight.values.bias), into: slopes)

        let delta = dot(upstream, output)
        var share = Vector.zero
        var rise = Vector.zero
        forEachFactor(sight, size) { i, factors in
            let probability = exponential(load(scores, i) - logSumExp)
            let kept = probability * factors
            let slope = probability * (load(slopes, i) * factors - delta)
            share += kept
            rise += slope
            store(kept, scores, i)
            store(slope, slopes, i)
        }
        mean.update(repeating: 0, count: 2 * width)
        accumulate(sight.inputs, scores, into: mean, scratch: slope + width)
        accumulate(sight.inputs, slopes, into: slope, scratch: slope + width)
        add(upstream, mean, sum(share), to: valueGradient)
        add(query, slope, sum(rise), to: keyGradient)
        for i in 0..<headSize {
            queryGradient[i] = dot(sight.keys.weights.row(i), slope, width) + sum(rise) * sight.keys.bias[i]
        }
        inputGradient.probabilities.update(from: scores, count: count)
        inputGradient.slopes.update(from: slopes, count: count)
    }

    // MARK: - Rows

    /// `result[i] ← inputs[i] · vector + bias`, four rows at a time.
    private func dot(
        _ inputs: Matrix, _ vector: UnsafePointer<Float>, plus bias: Float, into result: UnsafeMutablePointer<Float>
    ) {
        let whole = inputs.rows / 4 * 4
        for row in stride(from: 0, to: whole, by: 4) {
            let (a, b, c, d) = (inputs.row(row), inputs.row(row + 1), inputs.row(row + 2), inputs.row(row + 3))
            var (p, q, r, s) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
            for i in stride(from: 0, to: width, by: vectorWidth) {
                let v = load(vector, i)
                p = p.addingProduct(load(a, i), v)
                q = q.addingProduct(load(b, i), v)
                r = r.addingProduct(load(c, i), v)
                s = s.addingProduct(load(d, i), v)
            }
            result[row] = sum(p) + bias
            result[row + 1] = sum(q) + bias
            result[row + 2] = sum(r) + bias
            result[row + 3] = sum(s) + bias
        }
        for row in whole..<inputs.rows { result[row] = dot(inputs.row(row), vector, width) + bias }
    }

    /// `result += Σ weights[i] · inputs[i]`: sums of blocks of rows, so that rounding does not grow with their number.
    private func accumulate(
        _ inputs: Matrix, _ weights: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>,
        scratch block: UnsafeMutablePointer<Float>
    ) {
        for first in stride(from: 0, to: inputs.rows, by: 256) {
            let end = min(first + 256, inputs.rows)
            let whole = first + (end - first) / 4 * 4
            block.update(repeating: 0, count: width)
            for row in stride(from: first, to: whole, by: 4) {
                let (a, b, c, d) = (inputs.row(row), inputs.row(row + 1), inputs.row(row + 2), inputs.row(row + 3))
                let (p, q) = (Vector(repeating: weights[row]), Vector(repeating: weights[row + 1]))
                let (r, s) = (Vector(repeating: weights[row + 2]), Vector(repeating: weights[row + 3]))
                for i in stride(from: 0, to: width, by: vectorWidth) {
                    let sum = load(block, i).addingProduct(load(a, i), p).addingProduct(load(b, i), q)
                    store(sum.addingProduct(load(c, i), r).addingProduct(load(d, i), s), block, i)
                }
            }
            for row in whole..<end { add(weights[row], inputs.row(row), to: block) }
            add(1, block, to: result)
        }
    }

    /// Calls `body` with the dropout factors of every vector of inputs.
    @inline(__always)
    private func forEachFactor(_ sight: Sight, _ size: Int, _ body: (_ index: Int, _ factors: Vector) -> Void) {
        guard let dropout = sight.dropout else {
            for i in stride(from: 0, to: size, by: vectorWidth) { body(i, Vector(repeating: 1)) }
            return
        }
        for first in stride(from: 0, to: size, by: 64) {
            dropout.factors(row: sight.dropoutRow, block: first / 64) { group, factors in
                let i = first + group * vectorWidth
                if i < size { body(i, factors) }
            }
        }
    }

    // MARK: - Vectors

    /// `result ← Σ vector[i] · weights[i]`.
    private func combine(
        _ vector: UnsafePointer<Float>, _ weights: Matrix, into result: UnsafeMutablePointer<Float>
    ) {
        result.update(repeating: 0, count: width)
        for i in 0..<headSize { add(vector[i], weights.row(i), to: result) }
    }

    /// Outer products with what the inputs came to, and with the sum of what they counted for.
    private func add(
        _ vector: UnsafePointer<Float>, _ inputs: UnsafePointer<Float>, _ share: Float, to gradient: Projection
    ) {
        for i in 0..<headSize {
            add(vector[i], inputs, to: gradient.weights.row(i))
            gradient.bias[i] += vector[i] * share
        }
    }

    @inline(__always)
    private func add(_ factor: Float, _ source: UnsafePointer<Float>, to result: UnsafeMutablePointer<Float>) {
        let factor = Vector(repeating: factor)
        for i in stride(from: 0, to: width, by: vectorWidth) {
            store(load(result, i).addingProduct(load(source, i), factor), result, i)
        }
    }

    @inline(__always)
    private func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
        var total = Vector.zero
        for i in stride(from: 0, to: count, by: vectorWidth) { total = total.addingProduct(load(a, i), load(b, i)) }
        return sum(total)
    }

    private func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>) -> Float { dot(a, b, headSize) }
}
