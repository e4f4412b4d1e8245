/// Random numbers that are a function of (seed, purpose, source, epoch, window, index): Philox4x32-10 of Salmon et
/// al., "Parallel random numbers: as easy as 1, 2, 3" (2011). There is no generator state to save.
package struct CounterRandom: Sendable {
    /// What a number is drawn for; part of the counter, so that no two uses share numbers. Values are permanent.
    package enum Purpose: UInt8, Sendable {
        case fileOrder = 1
        case documentOrder = 2
        case interleaving = 3
        case heldOutFileOrder = 4
        case sampling = 5
    }

    private let key: (UInt32, UInt32)
    private let counter: (UInt32, UInt32, UInt32)

    package init(seed: UInt64, purpose: Purpose, source: Int, epoch: Int = 0, window: Int = 0) {
        key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
        counter = (
            UInt32(truncatingIfNeeded: window), UInt32(truncatingIfNeeded: epoch),
            UInt32(purpose.rawValue) << 24 | UInt32(truncatingIfNeeded: source) & 0xFF_FFFF
        )
    }

    /// The number at an index, 64 uniform bits.
    package func bits(_ index: Int) -> UInt64 {
        let block = Self.philox(
            counter: SIMD4(UInt32(truncatingIfNeeded: index >> 1), counter.0, counter.1, counter.2),
            key: SIMD2(key.0, key.1))
        return index & 1 == 0
            ? UInt64(block[0]) | UInt64(block[1]) << 32
            : UInt64(block[2]) | UInt64(block[3]) << 32
    }

    /// A whole number in `0..<bound`. The bias of the multiplication, `bound` / 2⁶⁴, is immeasurably small.
    package func below(_ bound: Int, _ index: Int) -> Int {
        precondition(bound > 0)
        return Int(bits(index).multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A uniformly random order of `0..<count`.
    package func permutation(_ count: Int) -> [Int32] {
        var order = (0..<Int32(count)).map { $0 }
        guard count > 1 else { return order }
        for last in stride(from: count - 1, through: 1, by: -1) {
            order.swapAt(last, below(last + 1, last))
        }
        return order
    }

    /// Ten rounds of Philox4x32.
    package static func philox(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var (c0, c1, c2, c3) = (counter[0], counter[1], counter[2], counter[3])
        var (k0, k1) = (key[0], key[1])
        for _ in 0..<10 {
            let a = UInt64(c0) &* 0xD251_1F53
            let b = UInt64(c2) &* 0xCD9E_8D57
            (c0, c1, c2, c3) = (
                UInt32(truncatingIfNeeded: b >> 32) ^ c1 ^ k0, UInt32(truncatingIfNeeded: b),
                UInt32(truncatingIfNeeded: a >> 32) ^ c3 ^ k1, UInt32(truncatingIfNeeded: a)
            )
            k0 &+= 0x9E37_79B9
            k1 &+= 0xBB67_AE85
        }
        return SIMD4(c0, c1, c2, c3)
    }
}
