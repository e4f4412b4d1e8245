import Kernels
import TestSupport
import Testing

@Suite("Products of attention's tiles")
struct BlockProductTests {
    /// Rows, columns, depth.
    static let shapes = [(6, 64, 64), (1, 16, 3), (5, 24, 70), (6, 8, 1), (2, 40, 0), (4, 128, 33)]

    static let widths = BlockProduct.isWide ? [false, true] : [false]

    /// `left` is read along rows or along columns.
    @Test("Any shape, either way, against plain sums", arguments: shapes, widths)
    func matchesPlain(_ shape: (rows: Int, columns: Int, depth: Int), _ wide: Bool) {
        for (transposed, accumulate) in [(false, false), (true, true)] {
            let (result, expected) = product(shape, transposed: transposed, accumulate: accumulate, wide: wide)
            #expect(relativeError(result.map { Double($0) }, expected) < 1e-6)
        }
    }

    @Test("Longer vectors give the same bits", .enabled(if: BlockProduct.isWide), arguments: shapes)
    func sameBits(_ shape: (rows: Int, columns: Int, depth: Int)) {
        for (transposed, accumulate) in [(false, false), (true, true)] {
            let results = [false, true].map {
                product(shape, transposed: transposed, accumulate: accumulate, wide: $0).result.map(\.bitPattern)
            }
            #expect(results[0] == results[1])
        }
    }

    private func product(
        _ shape: (rows: Int, columns: Int, depth: Int), transposed: Bool, accumulate: Bool, wide: Bool
    ) -> (result: [Float], expected: [Double]) {
        let (rows, columns, depth) = shape
        var random = SplitMix64(seed: UInt64(rows * 1000 + columns * 10 + depth))
        let left = GuardedMatrix(transposed ? depth : rows, transposed ? rows : depth, padding: 3, random: &random)
        let right = GuardedMatrix(depth, columns, random: &random)
        let panelCount = (columns + 15) / 16
        let capacity = depth + 2
        let panels = FloatBuffer(count: max(1, panelCount * capacity * 16))
        for k in 0..<depth {
            for column in 0..<columns {
                panels.base[(column / 16 * capacity + k) * 16 + column % 16] = right[k, column]
            }
        }
        let result = GuardedMatrix(rows, columns, padding: 5, random: &random)
        var expected: [Double] = []
        for row in 0..<rows {
            for column in 0..<columns {
                let sum = (0..<depth).reduce(0.0) {
                    $0 + Double(transposed ? left[$1, row] : left[row, $1]) * Double(right[$1, column])
                }
                expected.append((accumulate ? Double(result[row, column]) : 0) + sum)
            }
        }
        BlockProduct.multiply(
            left.base, transposed ? 1 : left.stride, transposed ? left.stride : 1, panels.base,
            panelStride: 16 * capacity, depth: depth, result.base, result.stride, rows: rows, columns: columns,
            accumulate: accumulate, wide: wide)
        #expect(result.isIntact)
        return withExtendedLifetime((left, panels)) {
            ((0..<rows).flatMap { row in (0..<columns).map { result[row, $0] } }, expected)
        }
    }
}
