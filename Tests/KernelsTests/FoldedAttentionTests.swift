import Foundation
import Kernels
import TestSupport
import Testing

/// Attention that does not project its inputs against attention that does, in double precision.
@Suite("Folded attention")
struct FoldedAttentionTests {
    private static let head = 1

    private struct Shape {
        var count: Int
        var headSize: Int
        var width: Int
        var probability: Double
    }

    /// What the head comes to, from projected keys and values.
    private struct Plain {
        var output: [Double]
        var logSumExp: Double
        var query: [Double]
        var inputs: [Double]
        var keys: [Double]
        var values: [Double]
        var keyBias: [Double]
        var valueBias: [Double]

        init(
            query q: GuardedMatrix, inputs x: GuardedMatrix, keys: GuardedMatrix, keyBias: GuardedMatrix,
            values: GuardedMatrix, valueBias: GuardedMatrix, factors: [Double], upstream: GuardedMatrix
        ) {
            let (n, width, size) = (x.rows, x.columns, q.columns)
            func project(_ weights: GuardedMatrix, _ bias: GuardedMatrix) -> [[Double]] {
                (0..<n).map { row in
                    (0..<size).map { i in (0..<width).reduce(bias[i]) { $0 + weights(i, $1) * x(row, $1) } }
                }
            }
            func product(_ a: [Double], _ b: GuardedMatrix) -> Double {
                a.indices.reduce(0) { $0 + a[$1] * b[$1] }
            }
            let (k, v) = (project(keys, keyBias), project(values, valueBias))
            let scores = k.map { product($0, q) }
            let top = scores.max()!
            let total = scores.reduce(0) { $0 + exp($1 - top) }
            logSumExp = top + log(total)
            let probabilities = scores.map { exp($0 - top) / total }
            output = (0..<size).map { i in
                (0..<n).reduce(0) { $0 + probabilities[$1] * factors[$1] * v[$1][i] }
            }
            let slopes = (0..<n).map { factors[$0] * product(v[$0], upstream) }
            let mean = zip(probabilities, slopes).reduce(0) { $0 + $1.0 * $1.1 }
            let scoreSlopes = (0..<n).map { probabilities[$0] * (slopes[$0] - mean) }
            query = (0..<size).map { i in (0..<n).reduce(0) { $0 + scoreSlopes[$1] * k[$1][i] } }
            self.keys = [Double](repeating: 0, count: size * width)
            self.values = self.keys
            self.keyBias = [Double](repeating: 0, count: size)
            self.valueBias = self.keyBias
            inputs = [Double](repeating: 0, count: n * width)
            for row in 0..<n {
                for i in 0..<size {
                    let ofKey = scoreSlopes[row] * q[i]
                    let ofValue = probabilities[row] * factors[row] * upstream[i]
                    self.keyBias[i] += ofKey
                    self.valueBias[i] += ofValue
                    for column in 0..<width {
                        self.keys[i * width + column] += ofKey * x(row, column)
                        self.values[i * width + column] += ofValue * x(row, column)
                        inputs[row * width + column] += ofKey * keys(i, column) + ofValue * values(i, column)
                    }
                }
            }
        }
    }

    @Test(
        "Outputs and all gradients, which are added to",
        arguments: [(1, 8, 24), (3, 16, 32), (8, 8, 8), (67, 16, 24), (700, 8, 40)], [0, 0.25])
    func matches(_ sizes: (count: Int, headSize: Int, width: Int), probability: Double) {
        let (n, size, width) = sizes
        var random = SplitMix64(seed: UInt64(100 * n + size))
        let query = GuardedMatrix(1, size, random: &random)
        let inputs = GuardedMatrix(n, width, padding: n % 3, random: &random)
        let keys = GuardedMatrix(size, width, scale: 0.3, random: &random)
        let values = GuardedMatrix(size, width, random: &random)
        let keyBias = GuardedMatrix(1, size, random: &random)
        let valueBias = GuardedMatrix(1, size, random: &random)
        let upstream = GuardedMatrix(1, size, random: &random)
        let dropout = probability > 0 ? DropoutStream(seed: 3, step: 5).stream(40, probability: probability) : nil
        let ofHead = DropoutStream(seed: 3, step: 5).stream(40 + UInt32(Self.head), probability: probability)
        let factors = (0..<n).map { dropout == nil ? 1 : Double(ofHead.factor(row: 71, column: $0)) }
        let plain = Plain(
            query: query, inputs: inputs, keys: keys, keyBias: keyBias, values: values, valueBias: valueBias,
            factors: factors, upstream: upstream)

        let kernel = FoldedAttention(headSize: size, width: width)
        let sight = FoldedAttention.Sight(
            inputs: inputs.matrix, keys: .init(weights: keys.matrix, bias: keyBias.base),
            values: .init(weights: values.matrix, bias: valueBias.base), dropout: dropout, head: Self.head,
            dropoutRow: 71)
        let scratch = GuardedMatrix(1, kernel.scratchCount(inputs: n))
        let output = GuardedMatrix(1, size)
        let logSumExp = kernel.forward(
            query: query.base, sight, output: output.base, scratch: scratch.base)
        // What is added to is not zero before.
        let keyGradient = GuardedMatrix(size, width) { _, _ in 2 }
        let valueGradient = GuardedMatrix(size, width) { _, _ in 3 }
        let keyBiasGradient = GuardedMatrix(1, size) { _, _ in 4 }
        let valueBiasGradient = GuardedMatrix(1, size) { _, _ in 5 }
        let queryGradient = GuardedMatrix(1, size)
        let (probabilities, slopes) = (GuardedMatrix(1, n), GuardedMatrix(1, n))
        let (value, key) = (GuardedMatrix(1, width), GuardedMatrix(1, width))
        kernel.backward(
            upstream: upstream.base, query: query.base, sight, output: output.base, logSumExp: logSumExp,
            keyGradient: .init(weights: keyGradient.matrix, bias: keyBiasGradient.base),
            valueGradient: .init(weights: valueGradient.matrix, bias: valueBiasGradient.base),
            queryGradient: queryGradient.base,
            inputGradient: .init(
                probabilities: probabilities.base, slopes: slopes.base, value: value.base, key: key.base),
            scratch: scratch.base)

        // Gradients of one size, so that one of almost nothing is not measured by itself: keys' biases shift all scores
        // alike, and a single key has no other to lose to.
        let scale = plain.inputs.map(abs).max()!
        func isClose(_ actual: [Double], _ expected: [Double], before: Double = 0) -> Bool {
            let size = max(scale, expected.map(abs).max()!)
            return zip(actual, expected).allSatisfy { abs($0 - before - $1) <= 1e-5 * size }
        }
        #expect(relativeError(output.values, plain.output) < 1e-5)
        #expect(abs(Double(logSumExp) - plain.logSumExp) < 1e-5)
        #expect(isClose(keyGradient.values, plain.keys, before: 2))
        #expect(isClose(valueGradient.values, plain.values, before: 3))
        #expect(isClose(keyBiasGradient.values, plain.keyBias, before: 4))
        #expect(isClose(valueBiasGradient.values, plain.valueBias, before: 5))
        #expect(isClose(queryGradient.values, plain.query))
        let gradient = (0..<n * width).map { place in
            let (row, column) = (place / width, place % width)
            return probabilities[row] * value[column] + slopes[row] * key[column]
        }
        #expect(relativeError(gradient, plain.inputs) < 1e-5)
        let all = [
            query, inputs, keys, values, keyBias, valueBias, scratch, output, keyGradient, valueGradient,
            queryGradient, probabilities, slopes, value, key,
        ]
        #expect(all.allSatisfy { $0.isIntact })
    }
}
