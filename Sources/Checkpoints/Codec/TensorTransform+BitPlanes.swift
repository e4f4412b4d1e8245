/// `bitPlanes`, the transform of format 2.
extension TensorTransform {
    typealias Words = SIMD8<UInt32>

    /// Restores the floats of one frame.
    ///
    /// - Parameters:
    ///   - source: `4 · count` transformed bytes.
    ///   - destination: `[count]` floats, not overlapping the source.
    ///   - exponent: the exponent that they were centred on.
    package static func decodeBitPlanes(
        _ source: UnsafeRawPointer, count: Int, exponent: UInt8, into destination: UnsafeMutableRawPointer
    ) {
        let blocks = count / blockElements
        withUnsafeTemporaryAllocation(of: Words.self, capacity: 32 + 32 * groupBlocks) { memory in
            let rows = memory.baseAddress!
            let group = rows + 32
            for first in Swift.stride(from: 0, to: blocks, by: groupBlocks) {
                let size = min(groupBlocks, blocks - first)
                for plane in 0..<32 {
                    let input = source + (plane * blocks + first) * 32
                    for index in 0..<size {
                        group[plane * groupBlocks + index] = input.loadUnaligned(
                            fromByteOffset: index * 32, as: Words.self)
                    }
                }
                for index in 0..<size {
                    for plane in 0..<32 { rows[plane] = group[plane * groupBlocks + index] }
                    transpose(rows)
                    let output = destination + (first + index) * 1024
                    for row in 0..<32 {
                        output.storeBytes(
                            of: uncentre(rows[row], exponent: UInt32(exponent)), toByteOffset: row * 32, as: Words.self)
                    }
                }
            }
        }
        let done = blocks * 1024
        (destination + done).copyMemory(from: source + done, byteCount: count * 4 - done)
    }

    @inline(__always)
    private static func uncentre(_ words: Words, exponent: UInt32) -> Words {
        let code = words &>> 24
        let distance = (code &>> 1) ^ (Words(repeating: 0) &- (code & 1))
        let rotated = (words & 0x00FF_FFFF) | ((distance &+ exponent) &<< 24)
        return (rotated &>> 1) | (rotated &<< 31)
    }

    /// Transposes eight 32×32 bit matrices at once, one in every vector lane: bit `p` of row `r` becomes bit `r` of row
    /// `p`. Five rounds swap the off-diagonal quarters of ever smaller squares (Hacker's Delight, section 7-3).
    @inline(__always)
    private static func transpose(_ rows: UnsafeMutablePointer<Words>) {
        swapQuarters(rows, of: 32, 16, 0x0000_FFFF)
        swapQuarters(rows, of: 32, 8, 0x00FF_00FF)
        swapQuarters(rows, of: 32, 4, 0x0F0F_0F0F)
        swapQuarters(rows, of: 32, 2, 0x3333_3333)
        swapQuarters(rows, of: 32, 1, 0x5555_5555)
    }

    /// One round of a transposition of matrices of `count` rows.
    @inline(__always)
    static func swapQuarters(
        _ rows: UnsafeMutablePointer<Words>, of count: Int, _ distance: Int, _ mask: UInt32
    ) {
        let shift = UInt32(distance)
        var start = 0
        while start < count {
            for row in start..<start + distance {
                let upper = rows[row]
                let lower = rows[row + distance]
                let difference = ((upper &>> Words(repeating: shift)) ^ lower) & Words(repeating: mask)
                rows[row + distance] = lower ^ difference
                rows[row] = upper ^ (difference &<< Words(repeating: shift))
            }
            start += 2 * distance
        }
    }
}
