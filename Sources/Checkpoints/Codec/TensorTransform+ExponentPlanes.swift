import CProcessor

/// `exponentPlanes`, the transform of format 3.
extension TensorTransform {
    /// Rows of low halves in a block, and bytes of a row.
    private static let lowRows = 16
    private static let rowBytes = 32
    private static let planes = 16
    /// How far ahead floats are asked for.
    private static let prefetchBytes = 4096
    /// The plane of the exponent's lowest bit before planes are put in the format's order.
    private static let exponentPlane = 7

    /// Transforms the floats of one frame.
    ///
    /// - Parameters:
    ///   - source: `[count]` floats, any bit pattern.
    ///   - destination: `4 · count` bytes, not overlapping the source.
    ///   - exponent: the exponent to centre on, from `commonExponent`.
    package static func encodeExponentPlanes(
        _ source: UnsafeRawPointer, count: Int, exponent: UInt8, into destination: UnsafeMutableRawPointer
    ) {
        let blocks = count / blockElements
        let upper = destination + blocks * lowRows * rowBytes
        withUnsafeTemporaryAllocation(of: Words.self, capacity: planes + planes * groupBlocks) { memory in
            let rows = memory.baseAddress!
            let group = rows + planes
            for first in Swift.stride(from: 0, to: blocks, by: groupBlocks) {
                let size = min(groupBlocks, blocks - first)
                for index in 0..<size {
                    let input = source + (first + index) * 1024
                    let low = destination + (first + index) * lowRows * rowBytes
                    for row in 0..<16 {
                        // Waiting for memory takes longer than all that follows.
                        processor_prefetch(input + prefetchBytes + row * 64)
                        let a = input.loadUnaligned(fromByteOffset: row * rowBytes, as: Words.self)
                        let b = input.loadUnaligned(fromByteOffset: (row + 16) * rowBytes, as: Words.self)
                        low.storeBytes(of: (a & 0xFFFF) | (b &<< 16), toByteOffset: row * rowBytes, as: Words.self)
                        rows[row] = (a &>> 16) | (b & 0xFFFF_0000)
                    }
                    transpose(rows)
                    add(0 &- exponent, to: rows + exponentPlane)
                    zigzag(rows + exponentPlane)
                    for plane in 0..<planes { group[place(of: plane) * groupBlocks + index] = rows[plane] }
                }
                for plane in 0..<planes {
                    let output = upper + (plane * blocks + first) * rowBytes
                    for index in 0..<size {
                        output.storeBytes(
                            of: group[plane * groupBlocks + index], toByteOffset: index * rowBytes, as: Words.self)
                    }
                }
            }
        }
        let done = blocks * 1024
        (destination + done).copyMemory(from: source + done, byteCount: count * 4 - done)
    }

    /// Restores what `encodeExponentPlanes` transformed.
    package static func decodeExponentPlanes(
        _ source: UnsafeRawPointer, count: Int, exponent: UInt8, into destination: UnsafeMutableRawPointer
    ) {
        let blocks = count / blockElements
        let upper = source + blocks * lowRows * rowBytes
        withUnsafeTemporaryAllocation(of: Words.self, capacity: planes + planes * groupBlocks) { memory in
            let rows = memory.baseAddress!
            let group = rows + planes
            for first in Swift.stride(from: 0, to: blocks, by: groupBlocks) {
                let size = min(groupBlocks, blocks - first)
                for plane in 0..<planes {
                    let input = upper + (plane * blocks + first) * rowBytes
                    for index in 0..<size {
                        group[plane * groupBlocks + index] = input.loadUnaligned(
                            fromByteOffset: index * rowBytes, as: Words.self)
                    }
                }
                for index in 0..<size {
                    for plane in 0..<planes { rows[plane] = group[place(of: plane) * groupBlocks + index] }
                    unzigzag(rows + exponentPlane)
                    add(exponent, to: rows + exponentPlane)
                    transpose(rows)
                    let low = source + (first + index) * lowRows * rowBytes
                    let output = destination + (first + index) * 1024
                    for row in 0..<16 {
                        let halves = low.loadUnaligned(fromByteOffset: row * rowBytes, as: Words.self)
                        output.storeBytes(
                            of: (halves & 0xFFFF) | (rows[row] &<< 16), toByteOffset: row * rowBytes, as: Words.self)
                        output.storeBytes(
                            of: (halves &>> 16) | (rows[row] & 0xFFFF_0000), toByteOffset: (row + 16) * rowBytes,
                            as: Words.self)
                    }
                }
            }
        }
        let done = blocks * 1024
        (destination + done).copyMemory(from: source + done, byteCount: count * 4 - done)
    }

    /// Where the format has the plane of a bit of the upper half: the sign, bit 15, stands between mantissa and exponent.
    @inline(__always)
    private static func place(of bit: Int) -> Int { bit < exponentPlane ? bit : bit == 15 ? exponentPlane : bit + 1 }

    /// Adds a number to numbers of eight bits whose bits stand in planes, modulo 256.
    @inline(__always)
    private static func add(_ number: UInt8, to planes: UnsafeMutablePointer<Words>) {
        var carry = Words(repeating: 0)
        for bit in 0..<8 {
            let addend = Words(repeating: 0 &- UInt32((number >> UInt8(bit)) & 1))
            let either = planes[bit] ^ addend
            let both = planes[bit] & addend
            planes[bit] = either ^ carry
            carry = both | (either & carry)
        }
    }

    /// Replaces signed numbers in planes by their zigzag code: the sign becomes the lowest bit, and turns over all others.
    @inline(__always)
    private static func zigzag(_ planes: UnsafeMutablePointer<Words>) {
        let sign = planes[7]
        for bit in stride(from: 7, to: 0, by: -1) { planes[bit] = planes[bit - 1] ^ sign }
        planes[0] = sign
    }

    @inline(__always)
    private static func unzigzag(_ planes: UnsafeMutablePointer<Words>) {
        let sign = planes[0]
        for bit in 0..<7 { planes[bit] = planes[bit + 1] ^ sign }
        planes[7] = sign
    }

    /// Transposes sixteen 16×16 bit matrices at once, one in every half of a word: bit `p` of row `r` becomes bit `r` of row
    /// `p`. Its own inverse. Four rounds swap the off-diagonal quarters of ever smaller squares (Hacker's Delight,
    /// section 7-3).
    @inline(__always)
    private static func transpose(_ rows: UnsafeMutablePointer<Words>) {
        swapQuarters(rows, of: 16, 8, 0x00FF_00FF)
        swapQuarters(rows, of: 16, 4, 0x0F0F_0F0F)
        swapQuarters(rows, of: 16, 2, 0x3333_3333)
        swapQuarters(rows, of: 16, 1, 0x5555_5555)
    }
}
