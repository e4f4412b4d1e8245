import Foundation

/// Self-attention over the segments of a chunk, by tiles: scores exist only for one block of queries against one block
/// of keys, and the backward pass computes them again from the rows' log-sum-exp (Dao et al. 2022, arXiv 2205.14135).
public struct AttentionKernel: Sendable {
    /// Rows of queries that are worked on together.
    static let queryBlock = 128
    /// Keys that are worked on together; two tiles of scores stay in the second-level cache.
    static let keyBlock = 512

    public let headCount: Int
    public let headSize: Int

    public init(headCount: Int, headSize: Int) {
        self.headCount = headCount
        self.headSize = headSize
    }

    /// Floats of scratch memory that a call needs, for segments of at most `longest` tokens.
    public static func scratchCount(longestSegment longest: Int) -> Int {
        let rows = min(queryBlock, longest)
        return rows * (2 * paddedWidth(min(keyBlock, longest)) + 4) + paddedWidth(min(keyBlock, longest))
    }

    static func paddedWidth(_ count: Int) -> Int { (count + vectorWidth - 1) / vectorWidth * vectorWidth }

    /// The work areas of one call.
    private struct Scratch {
        let scores: UnsafeMutablePointer<Float>
        let gradients: UnsafeMutablePointer<Float>
        let rowMaximum: UnsafeMutablePointer<Float>
        let rowSum: UnsafeMutablePointer<Float>
        let rowDelta: UnsafeMutablePointer<Float>
        let factors: UnsafeMutablePointer<Float>

        init(_ base: UnsafeMutablePointer<Float>, longest: Int) {
            let rows = min(AttentionKernel.queryBlock, longest)
            let tile = rows * AttentionKernel.paddedWidth(min(AttentionKernel.keyBlock, longest))
            scores = base
            gradients = base + tile
            rowMaximum = base + 2 * tile
            rowSum = rowMaximum + rows
            rowDelta = rowSum + rows
            factors = rowDelta + 2 * rows
        }
    }

    /// Forward pass.
    ///
    /// - Parameters:
    ///   - qkv: `[n, 3 · headCount · headSize]` from `Kernels.prepareQueryKeyValue`.
    ///   - segments: start of every segment within the chunk, and `n`.
    ///   - dropout: of the probabilities; its tensor index is that of head 0, the other heads follow.
    ///   - firstRow: index within the batch of row 0.
    ///   - output: `[n, headCount · headSize]`, overwritten.
    ///   - logSumExp: `[headCount, n]`, overwritten.
    public func forward(
        qkv: Matrix, segments: UnsafeBufferPointer<Int>, dropout: DropoutStream?, firstRow: Int,
        output: Matrix, logSumExp: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, longest: Int
    ) {
        let scratch = Scratch(scratch, longest: longest)
        let width = headCount * headSize
        for index in 0..<(segments.count - 1) {
            let start = segments[index]
            let length = segments[index + 1] - start
            for head in 0..<headCount {
                let q = qkv.rows(start, length).columns(head * headSize, headSize)
                let k = qkv.rows(start, length).columns(width + head * headSize, headSize)
                let v = qkv.rows(start, length).columns(2 * width + head * headSize, headSize)
                forwardSegment(
                    q, k, v, dropout: dropout?.advanced(by: head), firstRow: firstRow + start,
                    output: output.rows(start, length).columns(head * headSize, headSize),
                    logSumExp: logSumExp + head * qkv.rows + start, scratch)
            }
        }
    }

    private func forwardSegment(
        _ q: Matrix, _ k: Matrix, _ v: Matrix, dropout: DropoutStream?, firstRow: Int,
        output: Matrix, logSumExp: UnsafeMutablePointer<Float>, _ scratch: Scratch
    ) {
        let length = q.rows
        for queryStart in stride(from: 0, to: length, by: Self.queryBlock) {
            let rows = min(Self.queryBlock, length - queryStart)
            let queries = q.rows(queryStart, rows)
            let result = output.rows(queryStart, rows)
            for keyStart in stride(from: 0, to: length, by: Self.keyBlock) {
                let keys = min(Self.keyBlock, length - keyStart)
                let padded = Self.paddedWidth(keys)
                let scores = Matrix(scratch.scores, rows: rows, columns: keys, stride: padded)
                Kernels.multiply(queries, transposed: k.rows(keyStart, keys), into: scores)
                for row in 0..<rows {
                    let values = scores.row(row)
                    for i in keys..<padded { values[i] = -.infinity }
                    softmaxStep(
                        values, padded, isFirst: keyStart == 0, row: row, result.row(row), scratch)
                    if let dropout {
                        dropout.writeFactors(
                            row: UInt32(truncatingIfNeeded: firstRow + queryStart + row), firstColumn: keyStart,
                            count: padded, to: scratch.factors)
                        for i in stride(from: 0, to: padded, by: vectorWidth) {
                            store(load(values, i) * load(scratch.factors, i), values, i)
                        }
                    }
                }
                Kernels.multiply(scores, v.rows(keyStart, keys), into: result, accumulate: keyStart > 0)
            }
            for row in 0..<rows {
                let total = scratch.rowSum[row]
                logSumExp[queryStart + row] = scratch.rowMaximum[row] + log(total)
                let values = result.row(row)
                let reciprocal = 1 / total
                for i in stride(from: 0, to: headSize, by: vectorWidth) {
                    store(load(values, i) * reciprocal, values, i)
                }
            }
        }
    }

    /// One block of keys of one row: scores become unnormalised probabilities relative to the running maximum, and what
    /// was summed before is rescaled to it.
    @inline(__always)
    private func softmaxStep(
        _ values: UnsafeMutablePointer<Float>, _ padded: Int, isFirst: Bool, row: Int,
        _ result: UnsafeMutablePointer<Float>, _ scratch: Scratch
    ) {
        var highest = load(values, 0)
        for i in stride(from: vectorWidth, to: padded, by: vectorWidth) { highest = maximum(highest, load(values, i)) }
        var top = maximum(highest)
        if !isFirst {
            top = max(top, scratch.rowMaximum[row])
            let rescale = exp(scratch.rowMaximum[row] - top)
            scratch.rowSum[row] *= rescale
            for i in stride(from: 0, to: headSize, by: vectorWidth) { store(load(result, i) * rescale, result, i) }
        }
        var total = Vector.zero
        for i in stride(from: 0, to: padded, by: vectorWidth) {
            let power = exponential(load(values, i) - top)
            total += power
            store(power, values, i)
        }
        scratch.rowMaximum[row] = top
        scratch.rowSum[row] = isFirst ? sum(total) : scratch.rowSum[row] + sum(total)
    }

    /// Backward pass: the gradient of queries, keys and values from that of the output.
    ///
    /// - Parameters:
    ///   - upstream, output: `[n, headCount · headSize]`.
    ///   - gradient: `[n, 3 · headCount · headSize]`, overwritten.
    public func backward(
        upstream: Matrix, qkv: Matrix, output: Matrix, logSumExp: UnsafePointer<Float>,
        segments: UnsafeBufferPointer<Int>, dropout: DropoutStream?, firstRow: Int, gradient: Matrix,
        scratch: UnsafeMutablePointer<Float>, longest: Int
    ) {
        let scratch = Scratch(scratch, longest: longest)
        let width = headCount * headSize
        for index in 0..<(segments.count - 1) {
            let start = segments[index]
            let length = segments[index + 1] - start
            let inputs = qkv.rows(start, length)
            let results = gradient.rows(start, length)
            for head in 0..<headCount {
                let at = head * headSize
                backwardSegment(
                    upstream.rows(start, length).columns(at, headSize),
                    output.rows(start, length).columns(at, headSize),
                    q: inputs.columns(at, headSize), k: inputs.columns(width + at, headSize),
                    v: inputs.columns(2 * width + at, headSize),
                    logSumExp: logSumExp + head * qkv.rows + start,
                    dropout: dropout?.advanced(by: head), firstRow: firstRow + start,
                    dq: results.columns(at, headSize), dk: results.columns(width + at, headSize),
                    dv: results.columns(2 * width + at, headSize), scratch)
            }
        }
    }

    private func backwardSegment(
        _ upstream: Matrix, _ output: Matrix, q: Matrix, k: Matrix, v: Matrix, logSumExp: UnsafePointer<Float>,
        dropout: DropoutStream?, firstRow: Int, dq: Matrix, dk: Matrix, dv: Matrix, _ scratch: Scratch
    ) {
        let length = q.rows
        for queryStart in stride(from: 0, to: length, by: Self.queryBlock) {
            let rows = min(Self.queryBlock, length - queryStart)
            let queries = q.rows(queryStart, rows)
            let incoming = upstream.rows(queryStart, rows)
            for row in 0..<rows {
                // Σ P·dP of a row equals dO·O, with dropout too.
                var total = Vector.zero
                for i in stride(from: 0, to: headSize, by: vectorWidth) {
                    total = total.addingProduct(load(incoming.row(row), i), load(output.row(queryStart + row), i))
                }
                scratch.rowDelta[row] = sum(total)
            }
            for keyStart in stride(from: 0, to: length, by: Self.keyBlock) {
                let keys = min(Self.keyBlock, length - keyStart)
                let padded = Self.paddedWidth(keys)
                let scores = Matrix(scratch.scores, rows: rows, columns: keys, stride: padded)
                let gradients = Matrix(scratch.gradients, rows: rows, columns: keys, stride: padded)
                Kernels.multiply(queries, transposed: k.rows(keyStart, keys), into: scores)
                Kernels.multiply(incoming, transposed: v.rows(keyStart, keys), into: gradients)
                for row in 0..<rows {
                    dropout?.writeFactors(
                        row: UInt32(truncatingIfNeeded: firstRow + queryStart + row), firstColumn: keyStart,
                        count: padded, to: scratch.factors)
                    softmaxBackwardRow(
                        scores.row(row), gradients.row(row), padded, logSumExp[queryStart + row],
                        scratch.rowDelta[row], dropout == nil ? nil : UnsafePointer(scratch.factors))
                }
                Kernels.multiply(
                    transposed: scores, incoming, into: dv.rows(keyStart, keys), accumulate: queryStart > 0)
                Kernels.multiply(
                    transposed: gradients, queries, into: dk.rows(keyStart, keys), accumulate: queryStart > 0)
                Kernels.multiply(
                    gradients, k.rows(keyStart, keys), into: dq.rows(queryStart, rows), accumulate: keyStart > 0)
            }
        }
    }

    /// Scores become the dropped-out probabilities, gradients of those become gradients of the scores.
    @inline(__always)
    private func softmaxBackwardRow(
        _ scores: UnsafeMutablePointer<Float>, _ gradients: UnsafeMutablePointer<Float>, _ padded: Int,
        _ logSumExp: Float, _ delta: Float, _ factors: UnsafePointer<Float>?
    ) {
        if let factors {
            for i in stride(from: 0, to: padded, by: vectorWidth) {
                let probability = exponential(load(scores, i) - logSumExp)
                let factor = load(factors, i)
                store(probability * factor, scores, i)
                store(probability * (load(gradients, i) * factor - delta), gradients, i)
            }
        } else {
            for i in stride(from: 0, to: padded, by: vectorWidth) {
                let probability = exponential(load(scores, i) - logSumExp)
                store(probability, scores, i)
                store(probability * (load(gradients, i) - delta), gradients, i)
            }
        }
    }
}
