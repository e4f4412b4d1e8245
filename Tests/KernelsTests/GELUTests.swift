import Foundation
import Kernels
import TestSupport
import Testing

@Suite("GELU")
struct GELUTests {
    static func value(_ x: Double) -> Double { x * 0.5 * erfc(-x / 2.0.squareRoot()) }
    static func derivative(_ x: Double) -> Double {
        0.5 * erfc(-x / 2.0.squareRoot()) + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot()
    }

    @Test("Value and derivative, at every scale of the argument")
    func accuracy() {
        let inputs =
            (0..<4096).map { Float(-14 + 28 * Double($0) / 4096) } + [0, -0, 1e-30, -1e-30, 40, -40, 3e38, -3e38]
        let x = GuardedMatrix(inputs)
        let derivative = GuardedMatrix(1, inputs.count)
        let zero = GuardedMatrix(1, inputs.count) { _, _ in 0 }
        Kernels.addBiasGELU(x.matrix, bias: zero.base, derivative: derivative.matrix)
        for (index, input) in inputs.enumerated() {
            let exact = Self.value(Double(input))
            // The density e^(−x²/2) takes the rounding of x² in its exponent.
            let tolerance = 4e-7 * (1 + Double(input) * Double(input) / 2)
            if abs(input) < 13 {
                #expect(abs(x[index] - exact) <= tolerance * abs(exact) + 1e-38, "gelu(\(input))")
                #expect(abs(derivative[index] - Self.derivative(Double(input))) < 5e-7, "gelu′(\(input))")
            } else {
                #expect(abs(x[index] - exact) <= 1e-30 + 1e-7 * abs(exact), "gelu(\(input))")
                #expect(abs(derivative[index] - (input > 0 ? 1 : 0)) < 1e-30, "gelu′(\(input))")
            }
        }
    }

    @Test("Rows, bias, strides", arguments: [0, 1, 5], [8, 24, 72])
    func rows(rows: Int, width: Int) {
        var random = SplitMix64(seed: UInt64(rows * 100 + width))
        let x = GuardedMatrix(rows, width, padding: 8, random: &random)
        let bias = GuardedMatrix(1, width, random: &random)
        let expected = (0..<rows * width).map { x($0 / width, $0 % width) + bias[$0 % width] }
        let derivative = GuardedMatrix(rows, width, padding: 3)
        let alone = x.copy()
        Kernels.addBiasGELU(x.matrix, bias: bias.base, derivative: derivative.matrix)
        Kernels.addBiasGELU(alone.matrix, bias: bias.base, derivative: nil)
        #expect(relativeError(x.values, expected.map(Self.value)) < 1e-6)
        #expect(relativeError(derivative.values, expected.map(Self.derivative)) < 1e-6)
        #expect(alone.bits == x.bits)

        let upstream = GuardedMatrix(rows, width, padding: 1, random: &random)
        let biasGradient = GuardedMatrix(1, width, random: &random)
        let slopes = zip(upstream.values, derivative.values).map { $0 * $1 }
        let sums = (0..<width).map { column in
            (0..<rows).reduce(biasGradient[column]) { $0 + slopes[$1 * width + column] }
        }
        Kernels.activationBackward(
            upstream: upstream.matrix, derivative: derivative.matrix, biasGradient: biasGradient.base)
        #expect(relativeError(upstream.values, slopes) < 1e-6)
        #expect(relativeError(biasGradient.values, sums) < 1e-6)
        #expect([x, bias, derivative, alone, upstream, biasGradient].allSatisfy { $0.isIntact })
    }
}
