/// A hash of words for tables in memory.
enum WordHash {
    static func hash(_ word: UnsafePointer<UInt8>, _ length: Int) -> UInt32 {
        var state: UInt64 = 0x2545_F491_4F6C_DD1D ^ UInt64(length)
        var position = 0
        let raw = UnsafeRawPointer(word)
        while position &+ 8 <= length {
            state = mix(state ^ raw.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            position &+= 8
        }
        var tail: UInt64 = 0
        while position < length {
            tail = tail &<< 8 | UInt64(word[position])
            position &+= 1
        }
        return UInt32(truncatingIfNeeded: mix(state ^ tail) &>> 16)
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }
}
