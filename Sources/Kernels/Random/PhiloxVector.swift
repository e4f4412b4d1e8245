/// Eight Philox blocks side by side, with seven rounds: the fewest that pass BigCrush (Salmon et al. 2011, table 2).
/// Used for dropout, where half of the cost is random numbers.
@inline(__always)
func philoxEightBlocks(
    key: SIMD2<UInt32>, firstColumn: UInt32, row: UInt32, step: UInt32, stream: UInt32
) -> (SIMD8<UInt32>, SIMD8<UInt32>, SIMD8<UInt32>, SIMD8<UInt32>) {
    var x = SIMD8<UInt32>(0, 1, 2, 3, 4, 5, 6, 7) &+ SIMD8<UInt32>(repeating: firstColumn)
    var y = SIMD8<UInt32>(repeating: row)
    var z = SIMD8<UInt32>(repeating: step)
    var w = SIMD8<UInt32>(repeating: stream)
    var k0 = key.x
    var k1 = key.y
    for _ in 0..<7 {
        let (high0, low0) = wideProduct(x, 0xD251_1F53)
        let (high1, low1) = wideProduct(z, 0xCD9E_8D57)
        x = high1 ^ y ^ SIMD8<UInt32>(repeating: k0)
        y = low1
        z = high0 ^ w ^ SIMD8<UInt32>(repeating: k1)
        w = low0
        k0 = k0 &+ 0x9E37_79B9
        k1 = k1 &+ 0xBB67_AE85
    }
    return (x, y, z, w)
}

/// High and low halves of eight 32 × 32-bit products, as even and odd 64-bit products: one instruction each.
@inline(__always)
private func wideProduct(_ a: SIMD8<UInt32>, _ b: UInt32) -> (high: SIMD8<UInt32>, low: SIMD8<UInt32>) {
    let mask = SIMD4<UInt64>(repeating: 0xFFFF_FFFF)
    let factor = SIMD4<UInt64>(repeating: UInt64(b))
    let pairs = unsafeBitCast(a, to: SIMD4<UInt64>.self)
    let even = (pairs & mask) &* factor
    let odd = (pairs &>> 32) &* factor
    let low = (even & mask) | (odd &<< 32)
    let high = (even &>> 32) | (odd & ~mask)
    return (unsafeBitCast(high, to: SIMD8<UInt32>.self), unsafeBitCast(low, to: SIMD8<UInt32>.self))
}
