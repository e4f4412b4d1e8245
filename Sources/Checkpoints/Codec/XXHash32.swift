import CProcessor

/// XXH32 of Yann Collet's xxHash, the checksum of LZ4 frames; with seed 0.
///
/// One hash is a chain of instructions that each wait for the one before. Two inputs fill a vector, and four in two vectors
/// take as long as one. The function of common builds of liblz4 takes four to ten times as long, and the library does not
/// export it.
package enum XXHash32 {
    private static let prime1: UInt32 = 2_654_435_761
    private static let prime2: UInt32 = 2_246_822_519
    private static let prime3: UInt32 = 3_266_489_917
    private static let prime4: UInt32 = 668_265_263
    private static let prime5: UInt32 = 374_761_393

    /// Accumulators: four of each of four inputs.
    private typealias Lanes = SIMD16<UInt32>
    /// How far ahead inputs, which lie in the second cache at best, are asked for.
    private static let prefetchBytes = 1024
    private static let start = SIMD4<UInt32>(prime1 &+ prime2, prime2, 0, 0 &- prime1)

    package static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt32 { finish(start, bytes, from: 0) }

    /// Hashes up to four inputs at once.
    package static func hash(_ inputs: [UnsafeRawBufferPointer]) -> [UInt32] {
        precondition(inputs.count <= 4, "four inputs fit into the vectors")
        guard let shortest = inputs.map(\.count).min(), shortest >= 16 else {
            return inputs.map { finish(start, $0, from: 0) }
        }
        let common = shortest & ~15
        // Where there are fewer than four, the rest works for nothing on the first.
        let bases = (0..<4).map { ($0 < inputs.count ? inputs[$0] : inputs[0]).baseAddress! }
        let (a, b, c, d) = (bases[0], bases[1], bases[2], bases[3])
        let pair = SIMD8(lowHalf: start, highHalf: start)
        var lanes = Lanes(lowHalf: pair, highHalf: pair)
        for position in stride(from: 0, to: common, by: 16) {
            if position % 64 == 0 {
                processor_prefetch(a + position + prefetchBytes)
                processor_prefetch(b + position + prefetchBytes)
                processor_prefetch(c + position + prefetchBytes)
                processor_prefetch(d + position + prefetchBytes)
            }
            let words = Lanes(
                lowHalf: SIMD8(lowHalf: load(a, position), highHalf: load(b, position)),
                highHalf: SIMD8(lowHalf: load(c, position), highHalf: load(d, position)))
            let sum = lanes &+ words &* prime2
            lanes = (sum &<< 13 | sum &>> 19) &* prime1
        }
        let ends = [lanes.lowHalf.lowHalf, lanes.lowHalf.highHalf, lanes.highHalf.lowHalf, lanes.highHalf.highHalf]
        return inputs.indices.map { finish(ends[$0], inputs[$0], from: common) }
    }

    @inline(__always)
    private static func load(_ base: UnsafeRawPointer, _ position: Int) -> SIMD4<UInt32> {
        base.loadUnaligned(fromByteOffset: position, as: SIMD4<UInt32>.self)
    }

    private static func finish(_ lanes: SIMD4<UInt32>, _ bytes: UnsafeRawBufferPointer, from start: Int) -> UInt32 {
        var lanes = lanes
        var position = start
        while bytes.count - position >= 16 {
            let sum = lanes &+ bytes.loadUnaligned(fromByteOffset: position, as: SIMD4<UInt32>.self) &* prime2
            lanes = (sum &<< 13 | sum &>> 19) &* prime1
            position += 16
        }
        var hash = prime5
        if bytes.count >= 16 {
            hash = rotate(lanes[0], 1) &+ rotate(lanes[1], 7) &+ rotate(lanes[2], 12) &+ rotate(lanes[3], 18)
        }
        hash &+= UInt32(truncatingIfNeeded: bytes.count)
        while bytes.count - position >= 4 {
            let word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
            hash = rotate(hash &+ word &* prime3, 17) &* prime4
            position += 4
        }
        while position < bytes.count {
            hash = rotate(hash &+ UInt32(bytes[position]) &* prime5, 11) &* prime1
            position += 1
        }
        hash = (hash ^ (hash >> 15)) &* prime2
        hash = (hash ^ (hash >> 13)) &* prime3
        return hash ^ (hash >> 16)
    }

    @inline(__always)
    private static func rotate(_ value: UInt32, _ bits: UInt32) -> UInt32 { value &<< bits | value &>> (32 - bits) }
}
