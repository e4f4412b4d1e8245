import Configuration
import TestSupport
import Testing

@Suite struct HostileTextTests {
    @Test(arguments: [
        ("a: b: c", 1), ("model:\n  width: 3\n heads: 2", 3), ("model: {width: 3", nil), ("model: [1, 2}", 1),
        ("model:\n\twidth: 3", 2), ("a: *nowhere", 1), ("a: 'x", nil), ("%", nil), ("a: @b", 1), ("--- 1\n--- 2", 2),
        ("model: {width: 3}\n- x", 2), ("a: \"\\ud800\"", 1), ("a: !!int 5", 1), ("? [a]\n: b", 1),
        ("a: &x 1\nb: *x\nc: *", 3),
        ("<<: 3", 1), ("a: \u{1}", 1), ("a: \"\\q\"", 1), ("a: b\0c", 1),
    ])
    func isASyntaxErrorWithItsLine(yaml: String, line: Int?) {
        let problems = complaints(yaml)
        #expect(problems.map(\.kind) == [.syntax])
        if let line { #expect(problems.first?.line == line) }
        #expect(problems.first?.remedy.isEmpty == false)
    }

    @Test func duplicateKeysAreRefused() {
        let problems = complaints("model:\n  width: 3\n  heads: 3\n  width: 4")
        #expect(problems.map(\.kind) == [.duplicateKey])
        #expect(problems.first?.keyPath == "width" && problems.first?.line == 2)
        #expect(complaints("model: {width: 3}\n\"model\": {heads: 3}").map(\.kind) == [.duplicateKey])
    }

    @Test func theBillionLaughsAreBounded() {
        func laughs(_ levels: Int, _ perLevel: Int, _ last: String) -> String {
            let first = "a0: &a0 [\(Array(repeating: "ha", count: 9).joined(separator: ","))]"
            let levels = (1...levels).map { level in
                "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: perLevel).joined(separator: ","))]"
            }
            return ([first] + levels + [last]).joined(separator: "\n")
        }
        #expect(complaints(laughs(9, 9, "")).map(\.kind) == [.tooLarge])
        #expect(complaints(laughs(30, 2, "? *a30\n: x")).map(\.kind) == [.tooLarge])
        // Few enough aliases to pass the first check: unknown keys, but at once.
        #expect(complaints(laughs(7, 2, "")).allSatisfy { $0.kind == .unknownKey })
    }

    @Test(arguments: ["[", "{a: ", "- ", "? "])
    func deepNestingIsBounded(opening: String) {
        for depth in [65, 900, 100_000] {
            let problems = complaints(String(repeating: opening, count: depth))
            #expect(problems.count == 1)
            #expect(problems.allSatisfy { $0.kind == .tooLarge || $0.kind == .syntax })
        }
        let indented = (0..<600).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n")
        #expect(complaints(indented).map(\.kind) == [.tooLarge])
    }

    @Test func sizeIsBounded() {
        #expect(complaints(String(repeating: "# comment\n", count: 200_000)).map(\.kind) == [.tooLarge])
        let manyKeys = (0..<2000).map { "key_\($0): 1" }.joined(separator: "\n")
        #expect(complaints(manyKeys).count == 2000)
    }

    /// Cuts and random bytes never crash, whatever else they do.
    @Test func damagedTextsNeverCrash() throws {
        let yaml = Array(try ConfigurationWriter.yaml(SampleConfiguration(), comments: true).utf8)
        var random = SplitMix64(seed: 7)
        let alphabet = Array("[]{}:,-?&*!|>'\"%@`#\n \t0aé\u{0}\\<".utf8)
        for _ in 0..<3000 {
            var text = Array(yaml[..<Int.random(in: 0...yaml.count, using: &random)])
            for _ in 0..<Int.random(in: 0...4, using: &random) where !text.isEmpty {
                text[Int.random(in: 0..<text.count, using: &random)] = alphabet.randomElement(using: &random) ?? 0
            }
            _ = complaints(String(decoding: text, as: UTF8.self), String(decoding: text.suffix(20), as: UTF8.self))
        }
    }
}
