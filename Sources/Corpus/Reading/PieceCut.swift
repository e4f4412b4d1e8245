/// Where a document that is too long for one piece is cut.
enum PieceCut {
    /// The length of the first piece: before the last white space in the last quarter of `maximum` bytes, else between
    /// two UTF-8 sequences.
    ///
    /// The cut lies before a whole run of white space, so that what follows is seen from its first line end on.
    ///
    /// - Parameter bytes: more than `maximum` bytes.
    static func position(in bytes: UnsafeRawBufferPointer, maximum: Int) -> Int {
        var cut = maximum
        while cut > maximum / 4 * 3 && !ASCII.isSpace(bytes[cut]) { cut -= 1 }
        if ASCII.isSpace(bytes[cut]) {
            while cut > maximum / 2 && ASCII.isSpace(bytes[cut - 1]) { cut -= 1 }
            if cut > maximum / 2 { return cut }
        }
        cut = maximum
        for _ in 0..<3 where bytes[cut] & 0xC0 == 0x80 { cut -= 1 }
        return bytes[cut] & 0xC0 == 0x80 ? maximum : cut
    }
}
