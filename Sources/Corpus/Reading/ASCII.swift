/// The white space that separates lines and words of a text file.
enum ASCII {
    /// Space, tab, vertical tab, form feed, carriage return.
    @inline(__always)
    static func isSpaceWithinLine(_ byte: UInt8) -> Bool {
        byte == 0x20 || (byte >= 0x09 && byte <= 0x0D && byte != 0x0A)
    }

    @inline(__always)
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }

    /// The bytes without white space at their ends.
    static func trimmed(_ bytes: UnsafeRawBufferPointer, start trimsStart: Bool = true) -> UnsafeRawBufferPointer {
        var start = 0
        var end = bytes.count
        while end > start && isSpace(bytes[end - 1]) { end -= 1 }
        while trimsStart && start < end && isSpace(bytes[start]) { start += 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }
}
