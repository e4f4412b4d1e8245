/// GPT-2's mapping of the 256 bytes to printable scalars, in which byte-level tokens are written.
enum ByteAlphabet {
    /// The scalar that stands for each byte.
    static let scalars: [UInt32] = {
        var scalars = [UInt32](repeating: 0, count: 256)
        var next: UInt32 = 256
        for byte in 0..<256 {
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: scalars[byte] = UInt32(byte)
            default:
                scalars[byte] = next
                next += 1
            }
        }
        return scalars
    }()

    /// The byte that each scalar below 324 stands for; -1 for none.
    static let bytes: [Int16] = {
        var bytes = [Int16](repeating: -1, count: 324)
        for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
        return bytes
    }()

    /// The bytes in the order of their scalars: the order of their ids in a vocabulary trained by `tokenizers`.
    static let bytesInScalarOrder: [UInt8] = (0...255).sorted { scalars[Int($0)] < scalars[Int($1)] }

    /// A token's text as tokenizer.json writes it.
    static func written(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        for byte in bytes { appendUTF8(scalars[Int(byte)], to: &text) }
        return text
    }

    /// The bytes of a token of tokenizer.json; its own UTF-8 where a scalar stands for no byte, as in
    /// `tokenizers`.
    static func read(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for scalar in text.withUnsafeBufferPointer({ $0.decodedScalars() }) {
            guard scalar < bytes.count, bytes[Int(scalar)] >= 0 else { return text }
            result.append(UInt8(bytes[Int(scalar)]))
        }
        return result
    }
}
