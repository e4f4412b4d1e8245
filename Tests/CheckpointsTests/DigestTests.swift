import Checkpoints
import TestSupport
import Testing

struct DigestTests {
    /// Up to three streams, by the pair kernel and without it, against OpenSSL: at all lengths around a block's and in pieces
    /// of any size.
    @Test(arguments: [true, false], 1...3) func streamsAgreeWithOpenSSL(pairs: Bool, count: Int) {
        guard DigestStream.pairs || !pairs else { return }
        var random = SplitMix64(seed: 21)
        let bytes = (0..<5000).map { _ in UInt8.random(in: 0...255, using: &random) }
        bytes.withUnsafeBytes { bytes in
            for round in 0..<400 {
                let lengths = [round] + (1..<count).map { _ in Int.random(in: 0...bytes.count, using: &random) }
                let streams = lengths.map { _ in DigestStream(pairs: pairs) }
                var done = lengths.map { _ in 0 }
                while done != lengths {
                    let counts = (0..<count).map { Int.random(in: 0...(lengths[$0] - done[$0]), using: &random) }
                    let pieces = (0..<count).map {
                        UnsafeRawBufferPointer(rebasing: bytes[done[$0]..<(done[$0] + counts[$0])])
                    }
                    DigestStream.update(zip(streams, pieces).map { ($0, $1) })
                    for index in 0..<count { done[index] += counts[index] }
                }
                for index in 0..<count {
                    let whole = UnsafeRawBufferPointer(rebasing: bytes[..<lengths[index]])
                    #expect(streams[index].finish() == SHA256Hasher.digest(whole), "\(lengths[index]) bytes")
                }
            }
        }
    }

    /// `printf … | xxhsum -H0`, and of the published test vectors of xxHash.
    @Test(
        arguments: [
            ("", 0x02CC_5D05), ("a", 0x550D_7456), ("abc", 0x32D1_53FF),
            ("Nobody inspects the spammish repetition", 0xE229_3B2F),
        ] as [(String, UInt32)])
    func checksumsOfKnownTexts(text: String, checksum: UInt32) {
        Array(text.utf8).withUnsafeBytes { #expect(XXHash32.hash($0) == checksum) }
    }

    @Test(arguments: 1...4) func checksumsOfSeveralAreThoseOfEach(count: Int) {
        var random = SplitMix64(seed: 4)
        let bytes = (0..<700).map { _ in UInt8.random(in: 0...255, using: &random) }
        bytes.withUnsafeBytes { bytes in
            for _ in 0..<500 {
                let pieces = (0..<count).map { _ in
                    let start = Int.random(in: 0..<bytes.count, using: &random)
                    return UnsafeRawBufferPointer(
                        rebasing: bytes[start..<Int.random(in: start...bytes.count, using: &random)])
                }
                #expect(XXHash32.hash(pieces) == pieces.map { XXHash32.hash($0) })
            }
        }
    }
}
