import Foundation
import Kernels
import TestSupport
import Testing

/// Against every score in double precision.
@Suite("Attention with relative positions")
struct DisentangledAttentionTests {
    static let shapes: [[Int]] = {
        var random = SplitMix64(seed: 617)
        var shapes = (0..<120).map { _ in
            (0..<Int.random(in: 1...5, using: &random)).map { _ in Int.random(in: 1...37, using: &random) }
        }
        shapes += [[1], [2, 1], [96], [97, 95], [128], [127, 1, 130], [192], [290], [704], [705], [1, 1500]]
        return shapes
    }()

    struct Plain {
        var output: [Double]
        var gradient: [Double]
        /// `[rows of the table, 2 · width]`.
        var tableGradient: [Double]

        init(
            _ qkv: GuardedMatrix, _ table: GuardedMatrix, lengths: [Int], heads: Int, size: Int,
            factor: (_ head: Int, _ query: Int, _ column: Int) -> Double, upstream: GuardedMatrix,
            row: (Int) -> Int
        ) {
            let width = heads * size
            output = [Double](repeating: 0, count: qkv.rows * width)
            gradient = [Double](repeating: 0, count: qkv.rows * 3 * width)
            tableGradient = [Double](repeating: 0, count: table.rows * 2 * width)
            var start = 0
            for length in lengths {
                for head in 0..<heads {
                    let at = head * size
                    for query in start..<start + length {
                        var scores = [Double](repeating: 0, count: length)
                        for key in 0..<length {
                            let place = row(query - start - key)
                            for i in 0..<size {
                                let q: Double = qkv(query, at + i)
                                let k: Double = qkv(start + key, width + at + i)
                                let ofKeys: Double = q * table(place, width + at + i)
                                let ofQueries: Double = k * table(place, at + i)
                                scores[key] += q * k + ofKeys + ofQueries
                            }
                        }
                        let top = scores.max()!
                        let total = scores.reduce(0) { $0 + exp($1 - top) }
                        let probabilities = scores.map { exp($0 - top) / total }
                        var slopes = [Double](repeating: 0, count: length)
                        for key in 0..<length {
                            let kept = factor(head, query, key)
                            for i in 0..<size {
                                let value = qkv(start + key, 2 * width + at + i)
                                output[query * width + at + i] += probabilities[key] * kept * value
                                slopes[key] += upstream(query, at + i) * value * kept
                                let place: Int = (start + key) * 3 * width + 2 * width + at + i
                                gradient[place] += probabilities[key] * kept * upstream(query, at + i)
                            }
                        }
                        let mean = zip(probabilities, slopes).reduce(0) { $0 + $1.0 * $1.1 }
                        for key in 0..<length {
                            let slope = probabilities[key] * (slopes[key] - mean)
                            let place = row(query - start - key)
                            for i in 0..<size {
                                let q = qkv(query, at + i)
                                let k = qkv(start + key, width + at + i)
                                let ofQuery: Int = query * 3 * width + at + i
                                let ofKey: Int = (start + key) * 3 * width + width + at + i
                                let ofTable: Int = place * 2 * width + at + i
                                gradient[ofQuery] += slope * (k + table(place, width + at + i))
                                gradient[ofKey] += slope * (q + table(place, at + i))
                                tableGradient[ofTable] += slope * k
                                tableGradient[ofTable + width] += slope * q
                            }
                        }
                    }
                }
                start += length
            }
        }
    }

    @Test("Ragged segments against dense attention, forward and backward", arguments: 0..<shapes.count)
    func matchesDense(index: Int) {
        var random = SplitMix64(seed: UInt64(index) + 1)
        let lengths = Self.shapes[index]
        let rows = lengths.reduce(0, +)
        let longest = lengths.max()! + index % 3
        let heads = rows > 300 ? 1 : [1, 2, 3][index % 3]
        let size = rows > 300 ? 8 : [8, 16, 24, 64][index / 3 % 4]
        let width = heads * size
        // Distances that share rows, and distances with rows of their own.
        let span = index % 2 == 0 ? longest : 5
        func row(_ distance: Int) -> Int { min(max(distance, 1 - span), span - 1) + span }
        let layout = AttentionKernel.RelativeLayout(longest: longest, rowCount: 2 * span, row: row)
        let stream: UInt32 = 40
        let dropout = index % 4 < 2 ? nil : DropoutStream(seed: 5, step: 2).stream(stream, probability: 0.25)
        let qkv = GuardedMatrix(rows, 3 * width, padding: index % 5, scale: 0.6, random: &random)
        let table = GuardedMatrix(2 * span, 2 * width, padding: index % 4, scale: 0.5, random: &random)
        let upstream = GuardedMatrix(rows, width, padding: index % 3, random: &random)
        let output = GuardedMatrix(rows, width, padding: 2)
        let logSumExp = GuardedMatrix(heads, rows)
        let gradient = GuardedMatrix(rows, 3 * width, padding: 1) { _, _ in 0 }
        let tableGradient = GuardedMatrix(2 * span, 2 * width, padding: 3) { _, _ in 0 }
        let kernel = AttentionKernel(headCount: heads, headSize: size)
        let packed = GuardedMatrix(
            1, AttentionKernel.RelativePositions.packedCount(layout, headCount: heads, headSize: size))
        let relative = AttentionKernel.RelativePositions(
            packed.base, layout: layout, headCount: heads, headSize: size)
        relative.pack(table.matrix, forBackward: true)
        let scratch = GuardedMatrix(1, kernel.scratchCount(keys: lengths.max()!, relativeTo: longest))
        let offsets = lengths.reduce(into: [0]) { $0.append($0.last! + $1) }
        let blocks = AttentionBlocks.full(segments: offsets, headCount: heads)
        let isKept = lengths.max()! <= AttentionBlocks.columnCount && index % 5 < 2
        let kept = GuardedMatrix(1, isKept ? kernel.probabilityCount(tokens: rows, longest: lengths.max()!) : 8)
        let probabilities = isKept ? AttentionKernel.Probabilities(kept.base) : nil
        kernel.forward(
            .init(qkv.matrix), blocks: blocks, relative: relative, dropout: dropout, firstRow: 71,
            output: output.matrix, logSumExp: logSumExp.base, probabilities: probabilities, scratch: scratch.base)
        var gradients = AttentionKernel.Gradient(gradient.matrix)
        gradients.relativeQueries = tableGradient.matrix.columns(0, width)
        gradients.relativeKeys = tableGradient.matrix.columns(width, width)
        kernel.backward(
            upstream: upstream.matrix, .init(qkv.matrix), output: output.matrix, logSumExp: logSumExp.base,
            blocks: blocks, relative: relative, dropout: dropout, firstRow: 71, gradient: gradients,
            probabilities: probabilities, scratch: scratch.base)
        let base = DropoutStream(seed: 5, step: 2)
        let plain = Plain(
            qkv, table, lengths: lengths, heads: heads, size: size,
            factor: { head, query, column in
                dropout == nil
                    ? 1
                    : Double(
                        base.stream(stream + UInt32(head), probability: 0.25).factor(
                            row: UInt32(71 + query), column: column))
            }, upstream: upstream, row: row)
        #expect(relativeError(output.values, plain.output) < 5e-6)
        #expect(relativeError(gradient.values, plain.gradient) < 1e-5)
        #expect(relativeError(tableGradient.values, plain.tableGradient) < 1e-5)
        #expect(
            [qkv, table, upstream, output, logSumExp, gradient, tableGradient, kept, packed, scratch]
                .allSatisfy { $0.isIntact })
    }
}
