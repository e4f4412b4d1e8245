import Foundation
import Kernels
import TestSupport
import Testing

/// Layer normalization of one row and its gradient, plainly.
struct PlainLayerNorm {
    var output: [Double]
    var normalized: [Double]
    var reciprocal: Double

    init(_ x: [Double], gain: [Double], bias: [Double], epsilon: Double) {
        let mean = x.reduce(0, +) / Double(x.count)
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
        let reciprocal = 1 / (variance + epsilon).squareRoot()
        self.reciprocal = reciprocal
        normalized = x.map { ($0 - mean) * reciprocal }
        output = normalized.indices.map { [normalized] in normalized[$0] * gain[$0] + bias[$0] }
    }

    func backward(_ upstream: [Double], gain: [Double]) -> [Double] {
        let count = Double(upstream.count)
        let scaled = zip(upstream, gain).map { $0 * $1 }
        let mean = scaled.reduce(0, +) / count
        let projected = zip(scaled, normalized).reduce(0) { $0 + $1.0 * $1.1 } / count
        return scaled.indices.map { (scaled[$0] - mean - normalized[$0] * projected) * reciprocal }
    }
}

@Suite("Layer normalization")
struct LayerNormTests {
    @Test("Forward and backward", arguments: [0, 1, 6], [8, 24, 256])
    func matchesPlain(rows: Int, width: Int) {
        var random = SplitMix64(seed: UInt64(rows * 1000 + width))
        let x = GuardedMatrix(rows, width, padding: 7, random: &random)
        for row in 0..<rows {
            for column in 0..<width { x[row, column] = x[row, column] * Float(row + 1) + Float(row) }
        }
        let gain = GuardedMatrix(1, width, random: &random)
        let bias = GuardedMatrix(1, width, random: &random)
        let output = GuardedMatrix(rows, width, padding: 1)
        let statistics = GuardedMatrix(rows, 2)
        Kernels.layerNorm(
            x.matrix, gain: gain.base, bias: bias.base, epsilon: 1e-6, output: output.matrix,
            statistics: statistics.base)
        let plain = (0..<rows).map { row in
            PlainLayerNorm((0..<width).map { x(row, $0) }, gain: gain.values, bias: bias.values, epsilon: 1e-6)
        }
        #expect(relativeError(output.values, plain.flatMap(\.output)) < 2e-6)

        let upstream = GuardedMatrix(rows, width, random: &random)
        let expected = (0..<rows).flatMap { row in
            plain[row].backward((0..<width).map { upstream(row, $0) }, gain: gain.values)
        }
        let gainGradient = GuardedMatrix(1, width, random: &random)
        let biasGradient = GuardedMatrix(1, width, random: &random)
        let expectedGain = (0..<width).map { column in
            (0..<rows).reduce(gainGradient[column]) { $0 + upstream($1, column) * plain[$1].normalized[column] }
        }
        let expectedBias = (0..<width).map { column in
            (0..<rows).reduce(biasGradient[column]) { $0 + upstream($1, column) }
        }
        let result = GuardedMatrix(rows, width, padding: 2)
        Kernels.layerNormBackward(
            upstream: upstream.matrix, x: x.matrix, statistics: statistics.base, gain: gain.base,
            gainGradient: gainGradient.base, biasGradient: biasGradient.base, result: result.matrix, accumulate: false)
        #expect(relativeError(result.values, expected) < 5e-6)
        #expect(relativeError(gainGradient.values, expectedGain) < 5e-6)
        #expect(relativeError(biasGradient.values, expectedBias) < 1e-6)

        let sums = GuardedMatrix(rows, width, random: &random)
        let before = sums.values
        let inPlace = upstream.copy()
        for (target, accumulates) in [(sums, true), (inPlace, false)] {
            Kernels.layerNormBackward(
                upstream: accumulates ? upstream.matrix : inPlace.matrix, x: x.matrix, statistics: statistics.base,
                gain: gain.base, gainGradient: gainGradient.base, biasGradient: biasGradient.base,
                result: target.matrix, accumulate: accumulates)
        }
        #expect(relativeError(sums.values, zip(before, result.values).map { $0 + $1 }) < 1e-6)
        #expect(inPlace.bits == result.bits)
        let normalizedInPlace = x.copy()
        Kernels.layerNorm(
            normalizedInPlace.matrix, gain: gain.base, bias: bias.base, epsilon: 1e-6,
            output: normalizedInPlace.matrix, statistics: statistics.base)
        #expect(normalizedInPlace.bits == output.bits)
        #expect(
            [x, gain, bias, output, statistics, upstream, gainGradient, biasGradient, result, sums]
                .allSatisfy { $0.isIntact })
    }

    @Test("A constant row becomes the bias, and its gradient is finite", arguments: [0, 1, -1e6, 1e-20] as [Float])
    func constantRow(value: Float) {
        let width = 32
        let x = GuardedMatrix(1, width) { _, _ in value }
        let ones = GuardedMatrix(1, width) { _, _ in 1 }
        let bias = GuardedMatrix(1, width) { Float($1) }
        let output = GuardedMatrix(1, width)
        let statistics = GuardedMatrix(1, 2)
        Kernels.layerNorm(
            x.matrix, gain: ones.base, bias: bias.base, epsilon: 1e-12, output: output.matrix,
            statistics: statistics.base)
        #expect(output.values == bias.values)
        let result = GuardedMatrix(1, width)
        let sums = GuardedMatrix(1, width) { _, _ in 0 }
        Kernels.layerNormBackward(
            upstream: bias.matrix, x: x.matrix, statistics: statistics.base, gain: ones.base,
            gainGradient: sums.base, biasGradient: sums.base, result: result.matrix, accumulate: false)
        #expect(result.floats.allSatisfy { $0.isFinite })
    }
}
