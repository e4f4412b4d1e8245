#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Cache from short pre-tokens (up to 15 bytes, up to 4 ids) to their ids: two entries per 64-byte line, so memory is
/// fixed and a hit costs one cache line. A newcomer moves the line's first entry to second place.
struct WordCache: ~Copyable {
    struct Entry {
        /// The word's bytes, zero-padded; the top byte of `high` is its length (0 for an empty entry).
        var low: UInt64 = 0
        var high: UInt64 = 0
        /// The word's ids; unused ones are -1.
        var ids = SIMD4<Int32>(repeating: -1)
    }

    static let longestWord = 15
    static let mostIds = 4
    private static let hugePage = 2 << 20

    private let lines: UnsafeMutablePointer<Entry>
    private let mask: Int

    /// - Parameter wanted: how many entries it holds, rounded up to a power of two.
    init(atLeast wanted: Int) {
        var entries = 2
        while entries < min(wanted, 1 << 24) { entries *= 2 }
        let bytes = entries * MemoryLayout<Entry>.stride
        let isLarge = bytes >= Self.hugePage
        let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: isLarge ? Self.hugePage : 64)
        #if os(Linux)
            // Words lie at random places: with small pages, most look-ups would miss the translation cache too.
            if isLarge { madvise(raw, bytes, Int32(MADV_HUGEPAGE)) }
        #endif
        lines = raw.bindMemory(to: Entry.self, capacity: entries)
        lines.initialize(repeating: Entry(), count: entries)
        mask = entries / 2 - 1
    }

    deinit { lines.deallocate() }

    /// The key of a word of 1 to 15 bytes. `readable` is how many bytes may be read from `bytes` on.
    @inline(__always)
    static func key(_ bytes: UnsafePointer<UInt8>, _ length: Int, readable: Int) -> (low: UInt64, high: UInt64) {
        var low: UInt64 = 0
        var high: UInt64 = 0
        if readable >= 16 {
            let raw = UnsafeRawPointer(bytes)
            // Masks instead of branches, which would be wrongly predicted for many words.
            let bits = UInt64(length &* 8)
            low = raw.loadUnaligned(as: UInt64.self) & (length < 8 ? (1 &<< bits) &- 1 : .max)
            high = raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self) & (length > 8 ? (1 &<< (bits &- 64)) &- 1 : 0)
        } else {
            for index in 0..<length {
                if index < 8 {
                    low |= UInt64(bytes[index]) &<< UInt64(index &* 8)
                } else {
                    high |= UInt64(bytes[index]) &<< UInt64((index &- 8) &* 8)
                }
            }
        }
        return (low, high | UInt64(length) &<< 56)
    }

    @inline(__always)
    private func line(_ low: UInt64, _ high: UInt64) -> UnsafeMutablePointer<Entry> {
        let mixed = (low ^ high &* 0x9FB2_1C65_1E98_DF25).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return lines + (Int(truncatingIfNeeded: mixed.high ^ mixed.low) & mask) &* 2
    }

    /// The ids of a word, or nil.
    @inline(__always)
    func find(_ low: UInt64, _ high: UInt64) -> SIMD4<Int32>? {
        let line = line(low, high)
        // Which of the two it is cannot be predicted, so nothing branches on it.
        let isSecond = (line[1].low ^ low) | (line[1].high ^ high) == 0
        let entry = line + (isSecond ? 1 : 0)
        return (entry.pointee.low ^ low) | (entry.pointee.high ^ high) == 0 ? entry.pointee.ids : nil
    }

    func insert(_ low: UInt64, _ high: UInt64, _ ids: UnsafePointer<Int32>, count: Int) {
        var entry = Entry(low: low, high: high)
        for index in 0..<count { entry.ids[index] = ids[index] }
        let line = line(low, high)
        line[1] = line[0]
        line[0] = entry
    }
}
