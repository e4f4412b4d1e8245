import Checkpoints
import Testing

/// The fast transform against its description, followed bit by bit.
struct TensorTransformTests {
    static func reference(_ words: [UInt32], exponent: UInt8) -> [UInt32] {
        let blocks = words.count / 256
        var output = [UInt32](repeating: 0, count: words.count)
        for index in words.indices {
            if index >= blocks * 256 {
                output[index] = words[index]
                continue
            }
            let rotated = words[index] << 1 | words[index] >> 31
            let distance = Int(Int8(truncatingIfNeeded: Int(rotated >> 24) - Int(exponent)))
            let code = distance >= 0 ? 2 * distance : -2 * distance - 1
            let word = rotated & 0xFF_FFFF | UInt32(code) << 24
            let (block, inBlock) = index.quotientAndRemainder(dividingBy: 256)
            for plane in 0..<32 {
                output[(plane * blocks + block) * 8 + inBlock % 8] |= (word >> UInt32(plane) & 1) << UInt32(inBlock / 8)
            }
        }
        return output
    }

    @Test(arguments: [0, 1, 255, 256, 257, 512, 1000, 5000])
    func followsItsDescriptionAndIsReversible(count: Int) {
        var random = SplitMix(state: UInt64(count))
        let words = (0..<count).map { _ in
            Bool.random(using: &random) ? UInt32.random(in: 0 ... .max, using: &random) : random.gaussian().bitPattern
        }
        for exponent: UInt8 in [0, 1, 120, 127, 128, 255] {
            var encoded = [UInt32](repeating: 1, count: count)
            var decoded = [UInt32](repeating: 1, count: count)
            words.withUnsafeBytes { source in
                encoded.withUnsafeMutableBytes { destination in
                    guard let source = source.baseAddress, let destination = destination.baseAddress else { return }
                    TensorTransform.encodeBitPlanes(source, count: count, exponent: exponent, into: destination)
                }
            }
            #expect(encoded == Self.reference(words, exponent: exponent), "exponent \(exponent)")
            encoded.withUnsafeBytes { source in
                decoded.withUnsafeMutableBytes { destination in
                    guard let source = source.baseAddress, let destination = destination.baseAddress else { return }
                    TensorTransform.decodeBitPlanes(source, count: count, exponent: exponent, into: destination)
                }
            }
            #expect(decoded == words, "exponent \(exponent)")
        }
    }

    @Test func commonExponentIsTheMedian() {
        let floats: [Float] = [1, 1, 1, 2, 2, 4, 4, 4, 4, 4, 0]
        let exponent = floats.withUnsafeBytes { TensorTransform.commonExponent($0.baseAddress!, count: floats.count) }
        #expect(exponent == 128)
    }
}
