import Kernels
import TestSupport
import Testing

@Suite("Rows: bias, sums, gather, scatter, dot")
struct RowsTests {
    @Test("Bias, column sums, scale, add", arguments: [0, 1, 7], [8, 40])
    func elementwise(rows: Int, width: Int) {
        var random = SplitMix64(seed: UInt64(rows + width))
        let x = GuardedMatrix(rows, width, padding: 5, random: &random)
        let y = GuardedMatrix(rows, width, padding: 2, random: &random)
        let bias = GuardedMatrix(1, width, random: &random)
        let sums = GuardedMatrix(1, width, random: &random)
        let all = 0..<rows * width
        let biased = all.map { x($0 / width, $0 % width) + bias[$0 % width] }
        Kernels.addBias(x.matrix, bias.base)
        #expect(relativeError(x.values, biased) < 1e-7)
        let expectedSums = (0..<width).map { column in
            (0..<rows).reduce(sums[column]) { $0 + x($1, column) }
        }
        Kernels.addColumnSums(x.matrix, to: sums.base)
        #expect(relativeError(sums.values, expectedSums) < 1e-6)
        let scaled = x.values.map { $0 * Double(Float(1.7)) }
        Kernels.scale(x.matrix, by: 1.7)
        #expect(relativeError(x.values, scaled) < 1e-7)
        let added = zip(x.values, y.values).map { $0 + $1 }
        Kernels.add(x.matrix, to: y.matrix)
        #expect(relativeError(y.values, added) < 1e-7)
        #expect([x, y, bias, sums].allSatisfy { $0.isIntact })
    }

    @Test("Gather and scatter with repeated indices", arguments: [0, 1, 9, 50])
    func gatherScatter(count: Int) {
        var random = SplitMix64(seed: UInt64(count))
        let width = 16
        let table = GuardedMatrix(6, width, padding: 4, random: &random)
        let indices = (0..<count).map { _ in Int32.random(in: 0..<6, using: &random) }
        let rows = GuardedMatrix(count, width, padding: 1)
        indices.withUnsafeBufferPointer { Kernels.gatherRows(table.matrix, $0, into: rows.matrix) }
        #expect(rows.values == indices.flatMap { index in (0..<width).map { table(Int(index), $0) } })
        let sums = table.copy()
        var expected = table.values
        for (row, index) in indices.enumerated() {
            for column in 0..<width { expected[Int(index) * width + column] += rows(row, column) }
        }
        indices.withUnsafeBufferPointer { Kernels.scatterAddRows(rows.matrix, $0, into: sums.matrix) }
        #expect(relativeError(sums.values, expected) < 1e-6)
        #expect([table, rows, sums].allSatisfy { $0.isIntact })
    }

    @Test("Embedding sums its three parts", arguments: [true, false], [[], [0, 1, 1, 0, 1]] as [[Int32]])
    func embed(hasPositions: Bool, types: [Int32]) {
        var random = SplitMix64(seed: 4)
        let words = GuardedMatrix(11, 24, random: &random)
        let positions = GuardedMatrix(5, 24, random: &random)
        let offset = GuardedMatrix(2, 24, random: &random)
        let tokens: [Int32] = [10, 0, 3, 3, 7]
        let places: [Int32] = [0, 1, 4, 0, 1]
        let result = GuardedMatrix(5, 24, padding: 8)
        tokens.withUnsafeBufferPointer { tokens in
            places.withUnsafeBufferPointer { places in
                types.withUnsafeBufferPointer { types in
                    Kernels.embed(
                        tokens, words: words.matrix, positions: places,
                        positionTable: hasPositions ? positions.matrix : nil, offsets: offset.matrix, types: types,
                        into: result.matrix)
                }
            }
        }
        let expected = (0..<5).flatMap { row in
            (0..<24).map { column in
                words(Int(tokens[row]), column) + offset(types.isEmpty ? 0 : Int(types[row]), column)
                    + (hasPositions ? positions(Int(places[row]), column) : 0)
            }
        }
        #expect(relativeError(result.values, expected) < 1e-6)
        #expect(result.isIntact)
    }

    @Test("A linear layer with one output, and its gradient", arguments: [0, 1, 13], [8, 64])
    func dot(rows: Int, width: Int) {
        var random = SplitMix64(seed: UInt64(rows * width))
        let x = GuardedMatrix(rows, width, padding: 3, random: &random)
        let weights = GuardedMatrix(1, width, random: &random)
        let result = GuardedMatrix(1, rows)
        Kernels.dotRows(x.matrix, weights: weights.base, bias: 0.25, scale: 0.75, into: result.base)
        let expected = (0..<rows).map { row in
            0.25 + 0.75 * (0..<width).reduce(0) { $0 + x(row, $1) * weights[$1] }
        }
        #expect(relativeError(result.values, expected) < 1e-6)

        let upstream = GuardedMatrix(1, rows, random: &random)
        let gradient = GuardedMatrix(rows, width)
        let weightGradient = GuardedMatrix(1, width, random: &random)
        let biasGradient = GuardedMatrix([2])
        let expectedWeights = (0..<width).map { column in
            (0..<rows).reduce(weightGradient[column]) { $0 + 0.75 * upstream[$1] * x($1, column) }
        }
        Kernels.dotRowsBackward(
            upstream: upstream.base, x: x.matrix, weights: weights.base, scale: 0.75, result: gradient.matrix,
            weightGradient: weightGradient.base, biasGradient: biasGradient.base)
        #expect(
            relativeError(
                gradient.values, (0..<rows * width).map { 0.75 * upstream[$0 / width] * weights[$0 % width] }) < 1e-6)
        #expect(relativeError(weightGradient.values, expectedWeights) < 1e-6)
        #expect(abs(biasGradient[0] - upstream.values.reduce(2, +)) < 1e-5)
        // The gradient may take the memory of what was multiplied, as the detection head has it.
        let inPlace = x.copy()
        let again = GuardedMatrix(1, width) { _, _ in 0 }
        Kernels.dotRowsBackward(
            upstream: upstream.base, x: inPlace.matrix, weights: weights.base, scale: 0.75, result: inPlace.matrix,
            weightGradient: again.base, biasGradient: biasGradient.base)
        #expect(inPlace.bits == gradient.bits)
        #expect(
            relativeError(
                again.values,
                (0..<width).map { column in (0..<rows).reduce(0) { $0 + 0.75 * upstream[$1] * x($1, column) } })
                < 1e-6)
        #expect([x, weights, result, gradient, weightGradient, biasGradient, inPlace].allSatisfy { $0.isIntact })
    }
}
