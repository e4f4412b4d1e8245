import TestSupport
import Testing
import Tokenization

@Suite struct UTF8RepairTests {
    private func check(_ bytes: [UInt8]) {
        let expected = Array(String(decoding: bytes, as: UTF8.self).utf8)
        var repaired: [UInt8] = []
        let replacements = bytes.withUnsafeBytes { UTF8Repair.append($0, to: &repaired) }
        #expect(repaired == expected, "\(bytes)")
        let invalid = bytes.withUnsafeBytes { UTF8Repair.firstInvalid($0) }
        #expect((invalid == nil) == (replacements == 0), "\(bytes)")
        #expect((invalid == nil) == (expected == bytes), "\(bytes)")
        if let invalid {
            #expect(expected.starts(with: bytes[..<invalid]), "\(bytes)")
            #expect(expected.dropFirst(invalid).starts(with: [0xEF, 0xBF, 0xBD]), "\(bytes)")
        }
    }

    /// Every combination of the bytes at the edges of the Unicode standard's table 3-7, up to four long.
    @Test func agreesWithTheStandardLibraryOnEveryEdge() {
        let edges: [UInt8] = [
            0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1, 0xF4,
            0xF5,
        ]
        for a in edges {
            check([a])
            for b in edges {
                check([a, b])
                for c in edges { check([a, b, c]) }
            }
        }
        for a in edges where a >= 0xE0 {
            for b in edges { for c in edges where c < 0xC0 { for d in edges { check([a, b, c, d]) } } }
        }
    }

    @Test func agreesWithTheStandardLibraryOnDamagedText() {
        var generator = SplitMix64(seed: 1)
        let text = Array("Plain words for a while, then grüße, Ελλάδα, 漢字 and 🎈, and plain words again. ".utf8)
        for _ in 0..<300 {
            let start = Int.random(in: 0..<text.count, using: &generator)
            var bytes = Array((text[start...] + text + text).prefix(Int.random(in: 1...200, using: &generator)))
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            check(bytes)
        }
    }
}
