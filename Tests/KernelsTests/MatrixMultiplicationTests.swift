import Kernels
import TestSupport
import Testing

@Suite("Matrix products")
struct MatrixMultiplicationTests {
    struct Shape: CustomTestStringConvertible {
        var n: Int
        var m: Int
        var k: Int
        var testDescription: String { "\(n) × \(k) × \(m)" }
    }

    static let shapes = [
        Shape(n: 1, m: 1, k: 1), Shape(n: 0, m: 8, k: 8), Shape(n: 7, m: 13, k: 5), Shape(n: 64, m: 33, k: 65),
        Shape(n: 1, m: 40, k: 24), Shape(n: 40, m: 1, k: 24), Shape(n: 130, m: 70, k: 40), Shape(n: 5, m: 5, k: 0),
    ]

    /// All three forms from one definition of what they compute.
    @Test("Three transpositions, strides, scale, accumulation", arguments: shapes)
    func matchesPlain(_ s: Shape) {
        ProductLibrary.current.prepare()
        var random = SplitMix64(seed: UInt64(s.n * 10_000 + s.m * 100 + s.k))
        let left = GuardedMatrix(s.n, s.k, padding: 3, random: &random)
        let right = GuardedMatrix(s.k, s.m, padding: 5, random: &random)
        let leftTransposed = GuardedMatrix(s.k, s.n, padding: 1) { left[$1, $0] }
        let rightTransposed = GuardedMatrix(s.m, s.k, padding: 2) { right[$1, $0] }
        let start = GuardedMatrix(s.n, s.m, padding: 4, random: &random)
        for (accumulate, scale) in [(false, Float(1)), (true, 1), (false, 0.5), (true, -2)] {
            var expected: [Double] = []
            for row in 0..<s.n {
                for column in 0..<s.m {
                    let product = (0..<s.k).reduce(0) { $0 + left(row, $1) * right($1, column) }
                    expected.append((accumulate ? start(row, column) : 0) + Double(scale) * product)
                }
            }
            for form in 0..<3 {
                // Without accumulation what stood there, NaN, must not matter.
                let result = accumulate ? start.copy() : GuardedMatrix(s.n, s.m, padding: 4)
                switch form {
                case 0:
                    Kernels.multiply(
                        left.matrix, transposed: rightTransposed.matrix, into: result.matrix, accumulate: accumulate,
                        scale: scale)
                case 1:
                    Kernels.multiply(
                        left.matrix, right.matrix, into: result.matrix, accumulate: accumulate, scale: scale)
                default:
                    Kernels.multiply(
                        transposed: leftTransposed.matrix, right.matrix, into: result.matrix, accumulate: accumulate,
                        scale: scale)
                }
                #expect(relativeError(result.values, expected) < 2e-6, "form \(form)")
                #expect(result.isIntact)
            }
        }
    }

    @Test("What is not a number is not lost") func notANumber() {
        let a = GuardedMatrix(9, 8) { row, column in row == 4 && column == 2 ? .nan : 0 }
        let b = GuardedMatrix(11, 8) { _, _ in 0 }
        let result = GuardedMatrix(9, 11)
        Kernels.multiply(a.matrix, transposed: b.matrix, into: result.matrix)
        for row in 0..<9 { #expect((0..<11).allSatisfy { result[row, $0].isNaN == (row == 4) }) }
    }
}
