import Kernels
import TestSupport
import Testing

/// Numbers that machines exchange in half the bytes.
@Suite("Rounded exchange")
struct RoundedExchangeTests {
    private static let values: [Float] = {
        var random = SplitMix64(seed: 3)
        // Ties to either side, powers of two, what is not finite, and a length that is no multiple of a vector's.
        let special: [Float] = [
            0, -0, 1, -1, .infinity, -.infinity, .nan, -.nan, .greatestFiniteMagnitude, .leastNormalMagnitude,
            Float(bitPattern: 0x3f80_8000), Float(bitPattern: 0x3f81_8000), Float(bitPattern: 0x7fff_ffff),
            Float(bitPattern: 0x7f80_0001), Float(bitPattern: 0x3f80_7fff), Float(bitPattern: 0xbf80_8001),
        ]
        return special + (0..<77).map { _ in Float(random.normal()) * Float(10).scaled(Int(random.next() % 40) - 20) }
    }()

    private static func same(_ a: Float, _ b: Float) -> Bool { a.isNaN ? b.isNaN : a.bitPattern == b.bitPattern }

    @Test("Rounding, packing and unpacking are those of bfloat16")
    func rounding() {
        var rounded = Self.values
        rounded.withUnsafeMutableBufferPointer { Kernels.roundToBFloat16($0.baseAddress!, count: $0.count) }
        for (value, result) in zip(Self.values, rounded) { #expect(Self.same(value.roundedToBFloat16, result)) }
        var packed = [UInt16](repeating: 0, count: rounded.count)
        Kernels.packBFloat16(Self.values, into: &packed, count: packed.count)
        var unpacked = [Float](repeating: 0, count: rounded.count)
        Kernels.unpackBFloat16(packed, into: &unpacked, count: packed.count)
        for (a, b) in zip(rounded, unpacked) { #expect(Self.same(a, b)) }
    }

    @Test("Whoever applies a packed update has the weights of who has made it")
    func updates() {
        var random = SplitMix64(seed: 4)
        let before = (0..<101).map { _ in Float(random.normal()) }
        var weights = before.map { $0 + 1e-3 * Float(random.normal()) }
        let exact = weights
        var packed = [UInt16](repeating: 0, count: before.count)
        Kernels.roundUpdate(&weights, before: before, count: before.count, packed: &packed)
        var others = before
        Kernels.applyUpdate(packed, to: &others, count: before.count)
        #expect(others.map(\.bitPattern) == weights.map(\.bitPattern))
        for index in before.indices {
            let step = exact[index] - before[index]
            #expect(abs((weights[index] - before[index]) - step) <= abs(step) / 128)
        }
        #expect(weights != exact)
    }

    @Test("Rounded sums round both before they add")
    func sums() {
        var (a, b): ([Float], [Float]) = ([1.001, 2.003, 3], [1.002, -2.001, 0.0049])
        let expected = zip(a, b).map { $0.roundedToBFloat16 + $1.roundedToBFloat16 }
        Kernels.moveGradients(&b, into: &a, count: 3, rounded: true)
        #expect(a == expected && b == [0, 0, 0])
    }
}

extension Float {
    fileprivate func scaled(_ exponent: Int) -> Float {
        var result: Float = 1
        for _ in 0..<abs(exponent) { result *= exponent < 0 ? 1 / self : self }
        return result
    }
}
