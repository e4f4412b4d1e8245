import Kernels
import TestSupport
import Testing

@Suite("Products in bfloat16")
struct BFloat16Tests {
    static let shapes = [
        (1, 1, 1), (0, 8, 8), (7, 13, 5), (8, 32, 64), (64, 33, 65), (1, 40, 24), (40, 1, 24), (130, 70, 40),
        (35, 96, 128), (3, 5, 4500),
    ]
    /// What this processor has, and what every processor has.
    static let backends = BFloat16Backend.allCases.filter(\.isAvailable)

    /// Operands of `left · right`, rounded in the expectation alone.
    @Test("Three transpositions, strides, scale, accumulation", arguments: shapes, backends)
    func matchesPlain(_ shape: (n: Int, m: Int, k: Int), _ backend: BFloat16Backend) {
        let (n, m, k) = shape
        var random = SplitMix64(seed: UInt64(n * 10_000 + m * 100 + k))
        let left = GuardedMatrix(n, k, padding: 3, random: &random)
        let right = GuardedMatrix(k, m, padding: 5, random: &random)
        let leftTransposed = GuardedMatrix(k, n, padding: 1) { left[$1, $0] }
        let rightTransposed = GuardedMatrix(m, k, padding: 2) { right[$1, $0] }
        let start = GuardedMatrix(n, m, padding: 4, random: &random)
        func rounded(_ value: Float) -> Double { Double(value.roundedToBFloat16) }
        for (accumulate, scale) in [(false, Float(1)), (true, 1), (false, 0.5), (true, -2)] {
            var expected: [Double] = []
            for row in 0..<n {
                for column in 0..<m {
                    let product = (0..<k).reduce(0) { $0 + rounded(left[row, $1]) * rounded(right[$1, column]) }
                    expected.append((accumulate ? start(row, column) : 0) + Double(scale) * product)
                }
            }
            for form in 0..<3 {
                // The forward product never accumulates.
                if form == 0 && accumulate { continue }
                let result = accumulate ? start.copy() : GuardedMatrix(n, m, padding: 4)
                switch form {
                case 0:
                    Kernels.multiplyBFloat16(
                        left.matrix, transposed: rightTransposed.matrix, rounded: nil, into: result.matrix,
                        scale: scale, backend: backend)
                case 1:
                    Kernels.multiplyBFloat16(
                        left.matrix, right.matrix, rounded: nil, into: result.matrix, accumulate: accumulate,
                        scale: scale, backend: backend)
                default:
                    Kernels.multiplyBFloat16(
                        transposed: leftTransposed.matrix, right.matrix, into: result.matrix, accumulate: accumulate,
                        scale: scale, backend: backend)
                }
                #expect(relativeError(result.values, expected) < 3e-6, "form \(form)")
                #expect(result.isIntact)
            }
        }
    }

    @Test(
        "A weight that was rounded for the step gives the bits of one that is rounded now",
        arguments: [(7, 13), (64, 32), (70, 41), (1, 8)], backends.filter { $0 != .emulated })
    func roundedOnce(_ shape: (outputs: Int, inputs: Int), _ backend: BFloat16Backend) {
        let (outputs, inputs) = shape
        var random = SplitMix64(seed: 3)
        let weight = GuardedMatrix(outputs, inputs, padding: 3, random: &random)
        let input = GuardedMatrix(19, inputs, padding: 1, random: &random)
        let upstream = GuardedMatrix(19, outputs, padding: 2, random: &random)
        let memory = FloatBuffer(count: BFloat16Weight.count(outputs: outputs, inputs: inputs, backend: backend) / 2)
        // What stood there before must not matter, at the edges neither.
        for i in 0..<memory.count { memory.base[i] = .nan }
        let rounded = BFloat16Weight(memory, outputs: outputs, inputs: inputs, backend: backend)
        for part in 0..<rounded.partCount { rounded.round(weight.matrix, part: part) }
        let results = [nil, rounded].map { rounded in
            let forward = GuardedMatrix(19, outputs)
            Kernels.multiplyBFloat16(
                input.matrix, transposed: weight.matrix, rounded: rounded, into: forward.matrix, backend: backend)
            let backward = GuardedMatrix(19, inputs)
            Kernels.multiplyBFloat16(
                upstream.matrix, weight.matrix, rounded: rounded, into: backward.matrix, backend: backend)
            return forward.values + backward.values
        }
        #expect(results[0] == results[1])
        #expect(results[0].allSatisfy { $0.isFinite })
    }

    @Test("What is not a number is not lost", arguments: backends) func notANumber(_ backend: BFloat16Backend) {
        for value in [Float.nan, .infinity] {
            let a = GuardedMatrix(9, 8) { row, column in row == 4 && column == 2 ? value : 0 }
            let b = GuardedMatrix(11, 8) { _, _ in 0 }
            let result = GuardedMatrix(9, 11)
            Kernels.multiplyBFloat16(
                a.matrix, transposed: b.matrix, rounded: nil, into: result.matrix, backend: backend)
            for row in 0..<9 { #expect((0..<11).allSatisfy { result[row, $0].isNaN == (row == 4) }) }
        }
    }
}
