import Foundation
import Kernels
import TestSupport
import Testing

@Suite("Exponential")
struct ExponentialTests {
    private func exponentials(_ values: [Float]) -> [Float] {
        let padded = values + [Float](repeating: 0, count: (8 - values.count % 8) % 8)
        let buffer = GuardedMatrix(padded)
        Kernels.exponentials(buffer.base, count: padded.count)
        #expect(buffer.isIntact)
        return Array(buffer.floats.prefix(values.count))
    }

    @Test("Accurate to about a unit in the last place, over the whole range")
    func accuracy() {
        let count = 400_000
        let inputs = (0...count).map { Float(-87.33 + (88.02 + 87.33) * Double($0) / Double(count)) }
        var worst = 0.0
        for (x, y) in zip(inputs, exponentials(inputs)) {
            let exact = exp(Double(x))
            worst = max(worst, abs(Double(y) - exact) / Double(Float(exact).ulp))
        }
        #expect(worst < 1.5)
    }

    @Test("Small arguments keep their last bits")
    func nearZero() {
        let inputs: [Float] = [0, -0, 1e-30, -1e-30, 1e-8, -1e-8, 1e-40, -1e-40]
        #expect(exponentials(inputs).allSatisfy { $0 == 1 })
    }

    @Test("Extremes")
    func extremes() {
        let low = exponentials([-87.4, -88, -100, -1e10, -.greatestFiniteMagnitude, -.infinity])
        #expect(low.allSatisfy { $0 == 0 })
        let high = exponentials([88.1, 89, 1e10, .greatestFiniteMagnitude, .infinity])
        #expect(high.allSatisfy { $0.isFinite && $0 > 1.7e38 && $0 < 1.71e38 })
    }

    @Test("What is not a number stays so, whatever its payload")
    func notANumber() {
        let inputs = [Float.nan, -.nan] + (0..<32).map { Float(bitPattern: 0x7FC0_0000 | 1 << ($0 % 22)) }
        #expect(exponentials(inputs).allSatisfy { $0.isNaN })
        let negative = (0..<22).map { Float(bitPattern: 0xFFC0_0000 | 0x3F << $0) }
        #expect(exponentials(negative).allSatisfy { $0.isNaN })
    }
}
