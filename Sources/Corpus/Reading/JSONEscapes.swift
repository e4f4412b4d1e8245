/// Decodes the escapes of a JSON string.
package enum JSONEscapes {
    /// Appends the text of a string's bytes, which have been checked by `JSONLineScanner`.
    ///
    /// - Returns: the number of lone surrogates, each replaced by U+FFFD.
    package static func append(_ raw: UnsafeRawBufferPointer, to output: inout [UInt8]) -> Int {
        var loneSurrogates = 0
        var copied = 0
        var position = 0
        output.reserveCapacity(output.count + raw.count)
        while position < raw.count {
            guard raw[position] == UInt8(ascii: "\\"), position + 1 < raw.count else {
                position += 1
                continue
            }
            output.append(contentsOf: raw[copied..<position])
            let escape = raw[position + 1]
            position += 2
            switch escape {
            case UInt8(ascii: "b"): output.append(0x08)
            case UInt8(ascii: "f"): output.append(0x0C)
            case UInt8(ascii: "n"): output.append(0x0A)
            case UInt8(ascii: "r"): output.append(0x0D)
            case UInt8(ascii: "t"): output.append(0x09)
            case UInt8(ascii: "u"):
                let scalar = scalar(raw, at: &position)
                if scalar == nil { loneSurrogates += 1 }
                output.append(contentsOf: UTF8.encode(scalar ?? "\u{FFFD}") ?? UTF8.encodedReplacementCharacter)
            default: output.append(escape)
            }
            copied = position
        }
        output.append(contentsOf: raw[copied...])
        return loneSurrogates
    }

    /// The four hexadecimal digits at a position.
    static func unit(_ raw: UnsafeRawBufferPointer, at position: Int) -> UInt32? {
        guard position + 4 <= raw.count else { return nil }
        var value: UInt32 = 0
        for byte in raw[position..<position + 4] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        return value
    }

    /// The scalar of a `\u` escape, or of two that form a surrogate pair; nil for a lone surrogate.
    private static func scalar(_ raw: UnsafeRawBufferPointer, at position: inout Int) -> Unicode.Scalar? {
        guard let first = unit(raw, at: position) else { return nil }
        position += 4
        guard first & 0xFC00 == 0xD800 else { return Unicode.Scalar(first) }
        guard position + 6 <= raw.count, raw[position] == UInt8(ascii: "\\"), raw[position + 1] == UInt8(ascii: "u"),
            let second = unit(raw, at: position + 2), second & 0xFC00 == 0xDC00
        else { return nil }
        position += 6
        return Unicode.Scalar(0x10000 + (first & 0x3FF) << 10 + second & 0x3FF)
    }
}
