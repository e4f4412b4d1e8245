import Kernels

/// Random numbers that are a function of (seed, purpose, source, epoch, window, index). There is no generator state to
/// save.
package struct CounterRandom: Sendable {
    /// What a number is drawn for; part of the counter, so that no two uses share numbers. Values are permanent.
    package enum Purpose: UInt8, Sendable {
        case fileOrder = 1
        case documentOrder = 2
        case interleaving = 3
        case heldOutFileOrder = 4
        case sampling = 5
        case pairs = 6
        case heldOutPlaceOrder = 7
    }

    private let random: Philox
    private let counter: (UInt32, UInt32, UInt32)

    package init(seed: UInt64, purpose: Purpose, source: Int, epoch: Int = 0, window: Int = 0) {
        random = Philox(key: [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)])
        counter = (
            UInt32(truncatingIfNeeded: window), UInt32(truncatingIfNeeded: epoch),
            UInt32(purpose.rawValue) << 24 | UInt32(truncatingIfNeeded: source) & 0xFF_FFFF
        )
    }

    /// The number at an index, 64 uniform bits.
    package func bits(_ index: Int) -> UInt64 {
        let block = random.block([UInt32(truncatingIfNeeded: index >> 1), counter.0, counter.1, counter.2])
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
}
