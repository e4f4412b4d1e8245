/// Finds and replaces what is not UTF-8.
public enum UTF8Repair {
    /// The offset of the first byte that is not part of valid UTF-8, or nil where all is valid.
    public static func firstInvalidByte(in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        var position = 0
        let count = bytes.count
        while position < count {
            // Eight ASCII bytes at a time.
            while position + 8 <= count,
                UnsafeRawPointer(base + position).loadUnaligned(as: UInt64.self) & 0x8080_8080_8080_8080 == 0
            {
                position += 8
            }
            guard position < count else { break }
            let (scalar, length) = decodeScalar(base, at: position, end: count)
            if scalar >= InvalidByte.base { return position }
            position += length
        }
        return nil
    }

    /// Appends the bytes with each invalid sequence replaced by U+FFFD.
    ///
    /// One replacement stands for one maximal subpart, as in the WHATWG Encoding Standard and Unicode's section 3.9.
    /// - Returns: the number of replacements.
    @discardableResult
    public static func appendRepaired(_ bytes: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]) -> Int {
        guard bytes.baseAddress != nil else { return 0 }
        var replaced = 0
        var rest = bytes
        while let offset = firstInvalidByte(in: rest) {
            output.append(contentsOf: rest[..<offset])
            output.append(contentsOf: [0xEF, 0xBF, 0xBD])
            replaced += 1
            let next = offset + maximalSubpart(rest, at: offset)
            rest = UnsafeBufferPointer(rebasing: rest[next...])
        }
        output.append(contentsOf: rest)
        return replaced
    }

    /// The length of the longest start of a valid sequence at an invalid position; at least 1.
    private static func maximalSubpart(_ bytes: UnsafeBufferPointer<UInt8>, at offset: Int) -> Int {
        let (needed, second): (Int, ClosedRange<UInt8>)
        switch bytes[offset] {
        case 0xC2...0xDF: (needed, second) = (1, 0x80...0xBF)
        case 0xE0: (needed, second) = (2, 0xA0...0xBF)
        case 0xED: (needed, second) = (2, 0x80...0x9F)
        case 0xE1...0xEF: (needed, second) = (2, 0x80...0xBF)
        case 0xF0: (needed, second) = (3, 0x90...0xBF)
        case 0xF1...0xF3: (needed, second) = (3, 0x80...0xBF)
        case 0xF4: (needed, second) = (3, 0x80...0x8F)
        default: return 1
        }
        var length = 1
        while length <= needed, offset + length < bytes.count,
            (length == 1 ? second : 0x80...0xBF).contains(bytes[offset + length])
        {
            length += 1
        }
        return length
    }
}
