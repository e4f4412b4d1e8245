/// Finds and replaces what is not UTF-8.
public enum UTF8Repair {
    /// - Returns: the position of the first byte that is not part of well-formed UTF-8, or nil.
    public static func firstInvalid(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var position = 0
        while true {
            position = endOfASCII(bytes, from: position)
            guard position < bytes.count else { return nil }
            let (length, isValid) = sequence(bytes, at: position)
            if !isValid { return position }
            position += length
        }
    }

    /// Appends the bytes with every maximal ill-formed part replaced by U+FFFD, as the Unicode standard recommends
    /// (section 3.9, "U+FFFD substitution of maximal subparts").
    ///
    /// - Returns: the number of replacements.
    public static func append(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) -> Int {
        var replacements = 0
        var copied = 0
        var position = 0
        while true {
            position = endOfASCII(bytes, from: position)
            guard position < bytes.count else { break }
            let (length, isValid) = sequence(bytes, at: position)
            if !isValid {
                output.append(contentsOf: bytes[copied..<position])
                output.append(contentsOf: [0xEF, 0xBF, 0xBD])
                replacements += 1
                copied = position + length
            }
            position += length
        }
        output.append(contentsOf: bytes[copied...])
        return replacements
    }

    @inline(__always)
    private static func endOfASCII(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var position = start
        while bytes.count - position >= 32 {
            let words = bytes.loadUnaligned(fromByteOffset: position, as: SIMD4<UInt64>.self)
            if (words[0] | words[1] | words[2] | words[3]) & 0x8080_8080_8080_8080 != 0 { break }
            position += 32
        }
        while position < bytes.count && bytes[position] < 0x80 { position += 1 }
        return position
    }

    /// The sequence that starts with a byte above 0x7F: its length if well formed (table 3-7 of the Unicode
    /// standard), otherwise the length of the maximal subpart to replace.
    @inline(__always)
    private static func sequence(_ bytes: UnsafeRawBufferPointer, at position: Int) -> (length: Int, isValid: Bool) {
        let lead = bytes[position]
        let available = bytes.count - position
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return (1, false)
        }
        guard available > 1, second.contains(bytes[position + 1]) else { return (1, false) }
        var index = 2
        while index < length {
            guard index < available, bytes[position + index] & 0xC0 == 0x80 else { return (index, false) }
            index += 1
        }
        return (length, true)
    }
}
