import Checkpoints
import TestSupport
import Testing

/// The fast transform against its description, followed bit by bit.
struct TensorTransformTests {
    private static func zigzag(_ exponent: UInt32, from centre: UInt8) -> UInt32 {
        let distance = Int(Int8(truncatingIfNeeded: Int(exponent) - Int(centre)))
        return UInt32(distance >= 0 ? 2 * distance : -2 * distance - 1)
    }

    private static func bitPlanes(_ words: [UInt32], exponent: UInt8) -> [UInt32] {
        let blocks = words.count / 256
        var output = [UInt32](repeating: 0, count: words.count)
        for index in words.indices {
            if index >= blocks * 256 {
                output[index] = words[index]
                continue
            }
            let rotated = words[index] << 1 | words[index] >> 31
            let word = rotated & 0xFF_FFFF | zigzag(rotated >> 24, from: exponent) << 24
            let (block, inBlock) = index.quotientAndRemainder(dividingBy: 256)
            for plane in 0..<32 {
                output[(plane * blocks + block) * 8 + inBlock % 8] |= (word >> UInt32(plane) & 1) << UInt32(inBlock / 8)
            }
        }
        return output
    }

    private static func exponentPlanes(_ words: [UInt32], exponent: UInt8) -> [UInt32] {
        let blocks = words.count / 256
        var output = [UInt32](repeating: 0, count: words.count)
        for index in words.indices {
            if index >= blocks * 256 {
                output[index] = words[index]
                continue
            }
            let (block, inBlock) = index.quotientAndRemainder(dividingBy: 256)
            let (row, column) = inBlock.quotientAndRemainder(dividingBy: 8)
            output[(block * 16 + row % 16) * 8 + column] |= (words[index] & 0xFFFF) << (row < 16 ? 0 : 16)
            let code = zigzag(words[index] >> 23 & 0xFF, from: exponent)
            let upper = words[index] >> 16 & 0x7F | (words[index] >> 31) << 7 | code << 8
            for plane in 0..<16 {
                output[blocks * 128 + (plane * blocks + block) * 8 + column] |=
                    (upper >> UInt32(plane) & 1) << UInt32(row)
            }
        }
        return output
    }

    private static func apply(
        _ words: [UInt32], exponent: UInt8,
        _ transform: (UnsafeRawPointer, Int, UInt8, UnsafeMutableRawPointer) -> Void
    ) -> [UInt32] {
        var output = [UInt32](repeating: 1, count: words.count)
        words.withUnsafeBytes { source in
            output.withUnsafeMutableBytes { destination in
                guard let source = source.baseAddress, let destination = destination.baseAddress else { return }
                transform(source, words.count, exponent, destination)
            }
        }
        return output
    }

    @Test(arguments: [0, 1, 255, 256, 257, 512, 1000, 5000])
    func followsItsDescriptionAndIsReversible(count: Int) {
        var random = SplitMix64(seed: UInt64(count))
        let words = (0..<count).map { _ in
            Bool.random(using: &random) ? UInt32.random(in: 0 ... .max, using: &random) : random.gaussian().bitPattern
        }
        for exponent: UInt8 in [0, 1, 120, 127, 128, 255] {
            let encoded = Self.apply(words, exponent: exponent) {
                TensorTransform.encodeExponentPlanes($0, count: $1, exponent: $2, into: $3)
            }
            #expect(encoded == Self.exponentPlanes(words, exponent: exponent), "exponent \(exponent)")
            let decoded = Self.apply(encoded, exponent: exponent) {
                TensorTransform.decodeExponentPlanes($0, count: $1, exponent: $2, into: $3)
            }
            #expect(decoded == words, "exponent \(exponent)")
            let old = Self.apply(Self.bitPlanes(words, exponent: exponent), exponent: exponent) {
                TensorTransform.decodeBitPlanes($0, count: $1, exponent: $2, into: $3)
            }
            #expect(old == words, "format 2, exponent \(exponent)")
        }
    }

    @Test func commonExponentIsTheMedian() {
        let floats: [Float] = [1, 1, 1, 2, 2, 4, 4, 4, 4, 4, 0]
        let exponent = floats.withUnsafeBytes { TensorTransform.commonExponent($0.baseAddress!, count: floats.count) }
        #expect(exponent == 128)
    }
}
