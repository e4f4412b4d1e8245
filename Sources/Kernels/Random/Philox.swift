/// Counter-based random numbers: Philox4x32 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3";
/// `Philox4x32_R` of Random123).
///
/// The numbers are a pure function of key and counter, so there is no generator state to save and every thread can draw
/// the numbers of any position.
public struct Philox: Sendable {
    public let key: SIMD2<UInt32>

    /// - Parameters:
    ///   - seed: of the run.
    ///   - purpose: what the numbers are for; streams of different purposes are independent.
    public init(seed: UInt64, purpose: RandomPurpose) {
        // The purpose is mixed in through one Philox block, so that nearby seeds and purposes share nothing.
        let mixed = Philox(key: [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)])
            .block([purpose.rawValue, 0, 0, 0x7072_6574])
        key = [mixed.x, mixed.y]
    }

    package init(key: SIMD2<UInt32>) { self.key = key }

    /// Four random words for one counter, ten rounds.
    @inlinable
    public func block(_ counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
        var c = counter
        var k = key
        for _ in 0..<10 {
            let p0 = UInt64(0xD251_1F53) &* UInt64(c.x)
            let p1 = UInt64(0xCD9E_8D57) &* UInt64(c.z)
            c = [
                UInt32(truncatingIfNeeded: p1 >> 32) ^ c.y ^ k.x, UInt32(truncatingIfNeeded: p1),
                UInt32(truncatingIfNeeded: p0 >> 32) ^ c.w ^ k.y, UInt32(truncatingIfNeeded: p0),
            ]
            k = k &+ [0x9E37_79B9, 0xBB67_AE85]
        }
        return c
    }

    /// A double uniform in [0, 1) with 53 random bits, for step and position.
    public func uniform(step: Int, position: Int) -> Double {
        let words = block([
            UInt32(truncatingIfNeeded: position), UInt32(truncatingIfNeeded: position >> 32),
            UInt32(truncatingIfNeeded: step), UInt32(truncatingIfNeeded: step >> 32),
        ])
        return Double((UInt64(words.x) << 32 | UInt64(words.y)) >> 11) * 0x1p-53
    }
}

/// What random numbers are drawn for. Raw values are part of the checkpoint format: a resumed run must draw the same.
public enum RandomPurpose: UInt32, Sendable, CaseIterable {
    case initialization = 1
    case masking = 2
    case sampling = 3
    case dropout = 4
    case evaluationMasking = 5
    case evaluationSampling = 6
    case attentionBlocks = 7
    case cropping = 8
    case gradientDropping = 9
    case projection = 10
    case adapterRouting = 11
}
