import Kernels
import TestSupport
import Testing

@Suite("Residual sums")
struct ResidualTests {
    static let firstRow = 37

    /// Dropout of a quarter, or none; and its factors as they must be.
    static func dropout(_ isOn: Bool) -> DropoutStream? {
        isOn ? DropoutStream(seed: 3, step: 9).stream(5, probability: 0.25) : nil
    }

    static func factor(_ dropout: DropoutStream?, _ row: Int, _ column: Int) -> Double {
        dropout.map { Double($0.factor(row: UInt32(firstRow + row), column: column)) } ?? 1
    }

    @Test("With and without norm, forward and backward", arguments: [0, 1, 5], [8, 72, 136])
    func matchesPlain(rows: Int, width: Int) {
        for isDropped in [false, true] {
            let dropout = Self.dropout(isDropped)
            var random = SplitMix64(seed: UInt64(rows * 1000 + width))
            let branch = GuardedMatrix(rows, width, padding: 1, random: &random)
            let residual = GuardedMatrix(rows, width, padding: 2, random: &random)
            let bias = GuardedMatrix(1, width, random: &random)
            let gain = GuardedMatrix(1, width, random: &random)
            let normBias = GuardedMatrix(1, width, random: &random)
            let places = (0..<rows * width).map { ($0 / width, $0 % width) }
            let sums = places.map { row, column in
                residual(row, column) + (branch(row, column) + bias[column]) * Self.factor(dropout, row, column)
            }
            let output = GuardedMatrix(rows, width, padding: 3)
            Kernels.addResidual(
                branch: branch.matrix, bias: bias.base, residual: residual.matrix, dropout: dropout,
                firstRow: Self.firstRow, output: output.matrix)
            #expect(relativeError(output.values, sums) < 1e-6)

            let sum = GuardedMatrix(rows, width)
            let statistics = GuardedMatrix(rows, 2)
            let normalized = GuardedMatrix(rows, width, padding: 4)
            Kernels.addResidualThenLayerNorm(
                branch: branch.matrix, bias: bias.base, residual: residual.matrix, dropout: dropout,
                firstRow: Self.firstRow, sum: sum.matrix, gain: gain.base, normBias: normBias.base, epsilon: 1e-9,
                output: normalized.matrix, statistics: statistics.base)
            #expect(sum.bits == output.bits)
            let plain = (0..<rows).map { row in
                PlainLayerNorm(
                    Array(sums[row * width..<(row + 1) * width]), gain: gain.values, bias: normBias.values,
                    epsilon: 1e-9)
            }
            #expect(relativeError(normalized.values, plain.flatMap(\.output)) < 3e-6)

            let upstream = GuardedMatrix(rows, width, padding: 5, random: &random)
            let branchGradient = GuardedMatrix(rows, width)
            let biasGradient = GuardedMatrix(1, width, random: &random)
            let direct = places.map { upstream($0, $1) * Self.factor(dropout, $0, $1) }
            let expectedBias = Self.columnSums(direct, width, from: biasGradient.values)
            Kernels.addResidualBackward(
                upstream: upstream.matrix, dropout: dropout, firstRow: Self.firstRow,
                branchGradient: branchGradient.matrix, biasGradient: biasGradient.base)
            #expect(relativeError(branchGradient.values, direct) < 1e-6)
            #expect(relativeError(biasGradient.values, expectedBias) < 2e-6)

            // The residual's gradient overwrites the upstream one, as the layers have it.
            let ofSums = (0..<rows).flatMap { row in
                plain[row].backward((0..<width).map { upstream(row, $0) }, gain: gain.values)
            }
            let ofBranch = zip(places, ofSums).map { $1 * Self.factor(dropout, $0.0, $0.1) }
            let zero = [Double](repeating: 0, count: width)
            let gainGradient = GuardedMatrix(1, width) { _, _ in 0 }
            let normBiasGradient = GuardedMatrix(1, width) { _, _ in 0 }
            let secondBias = GuardedMatrix(1, width) { _, _ in 0 }
            let expectedGain = Self.columnSums(
                places.map { upstream($0, $1) * plain[$0].normalized[$1] }, width, from: zero)
            let expectedNormBias = Self.columnSums(upstream.values, width, from: zero)
            Kernels.addResidualThenLayerNormBackward(
                upstream: upstream.matrix, sum: sum.matrix, statistics: statistics.base, gain: gain.base,
                dropout: dropout, firstRow: Self.firstRow, gainGradient: gainGradient.base,
                normBiasGradient: normBiasGradient.base, residualGradient: upstream.matrix,
                branchGradient: branchGradient.matrix, biasGradient: secondBias.base)
            #expect(relativeError(upstream.values, ofSums) < 5e-6)
            #expect(relativeError(branchGradient.values, ofBranch) < 5e-6)
            #expect(relativeError(secondBias.values, Self.columnSums(ofBranch, width, from: zero)) < 5e-6)
            #expect(relativeError(gainGradient.values, expectedGain) < 5e-6)
            #expect(relativeError(normBiasGradient.values, expectedNormBias) < 5e-6)
            #expect(
                [branch, residual, bias, output, sum, normalized, statistics, upstream, branchGradient, biasGradient]
                    .allSatisfy { $0.isIntact })
        }
    }

    static func columnSums(_ values: [Double], _ width: Int, from start: [Double]) -> [Double] {
        values.enumerated().reduce(into: start) { $0[$1.offset % width] += $1.element }
    }
}
