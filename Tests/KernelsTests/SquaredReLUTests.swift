import Kernels
import TestSupport
import Testing

@Suite("Squared ReLU")
struct SquaredReLUTests {
    @Test("Value and derivative: rows, bias, strides", arguments: [0, 1, 5], [8, 24, 72])
    func rows(rows: Int, width: Int) {
        var random = SplitMix64(seed: UInt64(rows * 100 + width))
        let x = GuardedMatrix(rows, width, padding: 8, random: &random)
        let bias = GuardedMatrix(1, width, random: &random)
        let inputs = (0..<rows * width).map { x($0 / width, $0 % width) + bias[$0 % width] }
        let derivative = GuardedMatrix(rows, width, padding: 3)
        let alone = x.copy()
        Kernels.addBiasSquaredReLU(x.matrix, bias: bias.base, derivative: derivative.matrix)
        Kernels.addBiasSquaredReLU(alone.matrix, bias: bias.base, derivative: nil)
        #expect(relativeError(x.values, inputs.map { max(0, $0) * max(0, $0) }) < 1e-6)
        #expect(relativeError(derivative.values, inputs.map { 2 * max(0, $0) }) < 1e-6)
        #expect(alone.bits == x.bits)
        #expect([x, bias, derivative, alone].allSatisfy { $0.isIntact })
    }
}
