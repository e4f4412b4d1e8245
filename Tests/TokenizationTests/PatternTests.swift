import Foundation
import Testing
import Tokenization

@Suite struct PatternTests {
    private func pieces(_ pattern: String, _ text: String) throws -> [String] {
        let scalars = Array(text.unicodeScalars)
        return try PatternProbe.matches(of: pattern, in: Array(text.utf8)).ranges.map { range in
            String(String.UnicodeScalarView(scalars[range]))
        }
    }

    @Test("alternatives go left to right, repetitions backtrack, lookaheads consume nothing")
    func semantics() throws {
        #expect(try pieces("a|ab", "ab") == ["a"])
        #expect(try pieces("(?:a|ab)c", "abc") == ["abc"])
        #expect(try pieces("a+ab", "aaab") == ["aaab"])
        #expect(try pieces("a++ab|b", "aaab") == ["b"])
        #expect(try pieces("(?>a+)b|a", "aaac") == ["a", "a", "a"])
        #expect(try pieces("a+?b?", "aab") == ["a", "ab"])
        #expect(try pieces(#"\s+(?!\S)|\s+"#, "a   b  ") == ["  ", " ", "  "])
        #expect(try pieces("x(?=y(?!z))", "xyz xy") == ["x"])
        #expect(try pieces("(?i:'S)|(?i)K", "'s 'ſ \u{212A} k 'S") == ["'s", "'ſ", "\u{212A}", "k", "'S"])
        #expect(try pieces("(?:ab?){2,3}", "abaababab") == ["abaab", "abab"])
        #expect(try pieces(#"\p{Lu}[^\P{Ll}x-z]+"#, "Abcx Ñandú") == ["Abc", "Ñandú"])
        #expect(try pieces("a{,2}b", "aaab") == ["aab"])
        #expect(try pieces("x{a}", "x{a}") == ["x{a}"])
    }

    /// Patterns and texts on which plain backtracking takes quadratic or exponential time.
    @Test(
        "hostile texts take linear work",
        arguments: [
            (#"\s*[\r\n]+|x"#, " "), (#"\s+(?!\S)x|y"#, " "), ("a+b", "a"), ("a*a*b", "a"), ("[ab]+?c", "ab"),
            ("(?:a|a)+b", "a"), ("(?:a+)+b", "a"), ("(?:ab|a|b)+c", "ab"), (#"(?:\w\w?)+!"#, "a"), ("a+(?=b)", "a"),
            (#"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{M}]*[\p{Ll}\p{M}]+|[\p{Lu}\p{M}]+[\p{Ll}\p{M}]*"#, "A"),
            (#"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#, " "),
            (#"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#, "\u{300}"),
        ])
    func linear(pattern: String, unit: String) throws {
        func work(_ count: Int) throws -> Int {
            let text = Array(String(repeating: unit, count: count / unit.utf8.count).utf8)
            return try PatternProbe.matches(of: pattern, in: text).work
        }
        let short = try work(1 << 11)
        let long = try work(1 << 14)
        #expect(long <= short * 8 + short, "\(short) steps for 2 KB, \(long) for 62 KB")
    }
}
