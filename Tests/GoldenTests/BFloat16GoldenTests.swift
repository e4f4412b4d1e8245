import Interchange
import Kernels
import TestSupport
import Testing

/// Rounding to bfloat16 and products of what was rounded, against PyTorch.
@Suite("Golden: bfloat16")
struct BFloat16GoldenTests {
    @Test("Rounding, ties and overflow included") func rounding() throws {
        let file = try Fixture.open("bfloat16")
        let expected = try file.floats(of: "rounded")
        for (value, rounded) in zip(try file.floats(of: "values"), expected) {
            #expect(value.roundedToBFloat16.bitPattern == rounded.bitPattern, "\(value)")
        }
        #expect(Float.nan.roundedToBFloat16.isNaN)
    }

    @Test("Every back-end rounds alike", arguments: backends)
    func operands(_ backend: BFloat16Backend) throws {
        let file = try Fixture.open("bfloat16")
        let pairs = zip(try file.floats(of: "values"), try file.floats(of: "rounded")).filter { $0.0.isFinite }
        // Each value times one, so that nothing is summed.
        let values = GuardedMatrix(pairs.count, 1) { row, _ in pairs[row].0 }
        let one = GuardedMatrix(1, 1) { _, _ in 1 }
        let result = GuardedMatrix(pairs.count, 1)
        Kernels.multiplyBFloat16(
            values.matrix, transposed: one.matrix, rounded: nil, into: result.matrix, backend: backend)
        for (row, pair) in pairs.enumerated() { #expect(result[row, 0] == pair.1, "\(pair.0)") }
    }

    static let backends = BFloat16Backend.allCases.filter(\.isAvailable)

    @Test("Product", arguments: backends)
    func product(_ backend: BFloat16Backend) throws {
        let file = try Fixture.open("bfloat16")
        func matrix(_ name: String, rows: Int) throws -> GuardedMatrix {
            let values = try file.floats(of: name)
            return GuardedMatrix(rows, 37) { values[$0 * 37 + $1] }
        }
        let (a, b, result) = (try matrix("a", rows: 13), try matrix("b", rows: 45), GuardedMatrix(13, 45))
        withExtendedLifetime((a, b)) {
            Kernels.multiplyBFloat16(
                a.matrix, transposed: b.matrix, rounded: nil, into: result.matrix, backend: backend)
        }
        let expected = try file.doubles(of: "product")
        #expect(relativeError(result.values, expected) < 1e-6)
    }
}
