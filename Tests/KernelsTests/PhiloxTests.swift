import Kernels
import TestSupport
import Testing

/// Philox4x32 with any number of rounds, from its paper.
func plainPhilox(_ counter: [UInt32], key: [UInt32], rounds: Int) -> [UInt32] {
    var c = counter
    var k = key
    for _ in 0..<rounds {
        let first = (0xD251_1F53 as UInt32).multipliedFullWidth(by: c[0])
        let second = (0xCD9E_8D57 as UInt32).multipliedFullWidth(by: c[2])
        c = [second.high ^ c[1] ^ k[0], second.low, first.high ^ c[3] ^ k[1], first.low]
        k = [k[0] &+ 0x9E37_79B9, k[1] &+ 0xBB67_AE85]
    }
    return c
}

@Suite("Philox")
struct PhiloxTests {
    struct KnownAnswer: Sendable {
        var counter: [UInt32]
        var key: [UInt32]
        var seven: [UInt32]
        var ten: [UInt32]
    }

    /// `kat_vectors` of Random123, philox4x32.
    static let known: [KnownAnswer] = [
        .init(
            counter: [0, 0, 0, 0], key: [0, 0], seven: [0x5f6f_b709, 0x0d89_3f64, 0x4f12_1f81, 0x4f73_0a48],
            ten: [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        .init(
            counter: [.max, .max, .max, .max], key: [.max, .max],
            seven: [0x5207_ddc2, 0x4516_5e59, 0x4d8e_e751, 0x8c52_f662],
            ten: [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
        .init(
            counter: [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], key: [0xa409_3822, 0x299f_31d0],
            seven: [0x4dfc_caba, 0x190a_87f0, 0xc473_62ba, 0xb6b5_242a],
            ten: [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]),
    ]

    @Test("Known answers", arguments: known)
    func knownAnswers(_ answer: KnownAnswer) {
        let words = Philox(key: [answer.key[0], answer.key[1]]).block(
            [answer.counter[0], answer.counter[1], answer.counter[2], answer.counter[3]])
        #expect([words.x, words.y, words.z, words.w] == answer.ten)
        #expect(plainPhilox(answer.counter, key: answer.key, rounds: 10) == answer.ten)
        #expect(plainPhilox(answer.counter, key: answer.key, rounds: 7) == answer.seven)
    }

    @Test("Keys differ by seed and purpose")
    func keys() {
        var seen: Set<[UInt32]> = []
        for seed in [0, 1, 2, 1 << 32, 1 << 63, UInt64.max] {
            for purpose in RandomPurpose.allCases {
                let key = Philox(seed: seed, purpose: purpose).key
                seen.insert([key.x, key.y])
            }
        }
        #expect(seen.count == 6 * RandomPurpose.allCases.count)
    }

    @Test("Uniforms are in [0, 1), even, and differ by step and position beyond 32 bits")
    func uniforms() {
        let philox = Philox(seed: 1, purpose: .masking)
        let values = (0..<20_000).map { philox.uniform(step: 3, position: $0) }
        #expect(values.allSatisfy { (0..<1).contains($0) })
        #expect(abs(values.reduce(0, +) / 20_000 - 0.5) < 0.01)
        let squares = values.reduce(0) { $0 + $1 * $1 } / 20_000
        #expect(abs(squares - 1.0 / 3) < 0.01)
        let places = [(0, 0), (1, 0), (0, 1), (1 << 32, 0), (0, 1 << 32), (1 << 40, 7), (-1, 0), (Int.max, Int.max)]
        #expect(Set(places.map { philox.uniform(step: $0.0, position: $0.1) }).count == places.count)
    }
}
