import Corpus
import TestSupport
import Testing

@Suite struct CounterRandomTests {
    @Test(arguments: [0, 1, 2, 3, 10, 1000])
    func permutationHoldsEachNumberOnce(count: Int) {
        let order = CounterRandom(seed: 5, purpose: .documentOrder, source: 1).permutation(count)
        #expect(order.sorted() == (0..<Int32(count)).map { $0 })
    }

    @Test func everyPartOfTheKeyMatters() {
        let base = CounterRandom(seed: 1, purpose: .documentOrder, source: 0, epoch: 0, window: 0).bits(0)
        let others = [
            CounterRandom(seed: 2, purpose: .documentOrder, source: 0).bits(0),
            CounterRandom(seed: 1 << 32 | 1, purpose: .documentOrder, source: 0).bits(0),
            CounterRandom(seed: 1, purpose: .interleaving, source: 0).bits(0),
            CounterRandom(seed: 1, purpose: .documentOrder, source: 1).bits(0),
            CounterRandom(seed: 1, purpose: .documentOrder, source: 0, epoch: 1).bits(0),
            CounterRandom(seed: 1, purpose: .documentOrder, source: 0, window: 1).bits(0),
            CounterRandom(seed: 1, purpose: .documentOrder, source: 0).bits(1),
        ]
        #expect(Set(others + [base]).count == 8)
    }

    /// All 24 orders of four things come about equally often.
    @Test func permutationsAreUniform() {
        var counts: [[Int32]: Int] = [:]
        for epoch in 0..<12_000 {
            counts[CounterRandom(seed: 3, purpose: .fileOrder, source: 0, epoch: epoch).permutation(4), default: 0] += 1
        }
        #expect(counts.count == 24)
        // Chi-square with 23 degrees of freedom is below 49.7 with probability 0.999.
        let chiSquare = counts.values.reduce(0.0) { $0 + (Double($1) - 500) * (Double($1) - 500) / 500 }
        #expect(chiSquare < 49.7)
    }
}

@Suite struct XXHash64Tests {
    @Test(
        arguments: [
            ("", 0xEF46_DB37_51D8_E999), ("a", 0xD24E_C4F1_A98C_6E5B), ("abc", 0x44BC_2CF5_AD77_0999),
            ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
        ] as [(String, UInt64)])
    func publishedValues(text: String, expected: UInt64) {
        #expect(Array(text.utf8).withUnsafeBytes { XXHash64.hash($0) } == expected)
    }

    /// Zstandard writes the low half of XXH64 behind its frames.
    @Test func agreesWithZstandardAtEveryLength() {
        var generator = SplitMix64(seed: 8)
        for length in Array(1...100) + [1000, 16_384] {
            let content = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let checksum = Archive.zstandard(content).suffix(4).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            #expect(content.withUnsafeBytes { XXHash64.hash($0) } & 0xFFFF_FFFF == checksum, "\(length) bytes")
        }
    }
}
