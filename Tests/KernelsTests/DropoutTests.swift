import Kernels
import TestSupport
import Testing

@Suite("Dropout")
struct DropoutTests {
    /// The factors of some rows, by the kernel that applies them.
    private func factors(_ dropout: DropoutStream, firstRow: Int = 0, rows: Int, width: Int) -> GuardedMatrix {
        let ones = GuardedMatrix(rows, width, padding: 3) { _, _ in 1 }
        Kernels.applyDropout(ones.matrix, dropout, firstRow: firstRow)
        #expect(ones.isIntact)
        return ones
    }

    @Test("Kernels drop what the plain form says, and that is seven rounds of Philox", arguments: [8, 64, 72, 200])
    func matchesPlain(width: Int) {
        let seed: UInt64 = 0x1234_5678_9ABC
        let key = Philox(seed: seed, purpose: .dropout).key
        for (step, stream, firstRow) in [(0, 0, 0), (7, 3, 1000), (1 << 31, .max, Int(UInt32.max) - 2)]
            as [(Int, UInt32, Int)]
        {
            let dropout = DropoutStream(seed: seed, step: step).stream(stream, probability: 0.3)
            let actual = factors(dropout, firstRow: firstRow, rows: 5, width: width)
            for row in 0..<5 {
                let batchRow = UInt32(truncatingIfNeeded: firstRow + row)
                for column in 0..<width {
                    let words = plainPhilox(
                        [UInt32(column / 64 * 8 + column % 8), batchRow, UInt32(step), stream], key: [key.x, key.y],
                        rounds: 7)
                    let group = column % 64 / 8
                    let bits = words[group / 2] >> (group % 2 == 0 ? 0 : 16) & 0xFFFF
                    let expected: Float = bits < 19661 ? 0 : Float(65536.0 / (65536 - 19661))
                    #expect(actual[row, column] == expected)
                    #expect(dropout.factor(row: batchRow, column: column) == expected)
                }
            }
        }
    }

    @Test("Keeps its share, and the expectation", arguments: [0.1, 0.25, 0.5, 0.9])
    func keepRate(probability: Double) {
        let dropout = DropoutStream(seed: 8, step: 1).stream(2, probability: probability)
        let values = factors(dropout, rows: 400, width: 256).values
        let count = Double(values.count)
        let kept = Double(values.count { $0 > 0 })
        let deviation = (count * probability * (1 - probability)).squareRoot()
        #expect(abs(kept - count * (1 - probability)) < 4 * deviation + count / 65536)
        let mean = values.reduce(0, +) / count
        #expect(abs(mean - 1) < 4 * deviation / count / (1 - probability))
    }

    @Test("Nothing is dropped, and nothing changed, at probability 0")
    func zero() {
        let dropout = DropoutStream(seed: 8, step: 1).stream(2, probability: 0)
        #expect(factors(dropout, rows: 3, width: 64).values.allSatisfy { $0 == 1 })
    }

    @Test("Seeds, steps, tensors, rows and columns are independent")
    func independence() {
        let width = 4096
        func decisions(_ seed: UInt64, _ step: Int, _ stream: UInt32, _ row: Int) -> [Double] {
            factors(
                DropoutStream(seed: seed, step: step).stream(stream, probability: 0.5), firstRow: row, rows: 1,
                width: width
            ).values.map { $0 > 0 ? 1 : -1 }
        }
        let base = decisions(1, 1, 1, 1)
        let others = [
            decisions(2, 1, 1, 1), decisions(1 << 32 | 1, 1, 1, 1), decisions(1, 2, 1, 1), decisions(1, 1, 2, 1),
            decisions(1, 1, 1, 2), decisions(1, 1 << 32 | 1, 1, 1),
        ]
        for (index, other) in others.enumerated() {
            let correlation = zip(base, other).reduce(0) { $0 + $1.0 * $1.1 }
            #expect(abs(correlation) < 4.5 * Double(width).squareRoot(), "pair \(index)")
        }
        for distance in [1, 8, 16, 32, 64, 128] {
            let correlation = zip(base, base.dropFirst(distance)).reduce(0) { $0 + $1.0 * $1.1 }
            #expect(abs(correlation) < 4.5 * Double(width).squareRoot(), "columns \(distance) apart")
        }
    }
}
