import FineTuning
import Foundation
import TestSupport
import Testing
import Tokenization

/// Texts that are too long, against Hugging Face's tokenizers.
@Suite("Fine-tuning: texts as tokens")
struct TaskEncoderTests {
    /// By greatest length: how many tokens of the first text are kept, by the lengths of the first and the second.
    private static func tables() throws -> [Int: [[Int]]] {
        let tables = try fixture("truncation", [String: [[Int]]].self)
        return Dictionary(uniqueKeysWithValues: tables.compactMap { key, table in Int(key).map { ($0, table) } })
    }

    /// A tokenizer that knows bytes alone: as many tokens as there are letters.
    private static func tokenizer() throws -> Tokenizer {
        let texts = try WeatherTexts()
        return try Tokenizer(json: Array(texts.folder.data("pretrained/tokenizer.json")))
    }

    @Test("Of pairs the longer text is cut, and the odd token falls where transformers lets it fall")
    func pairs() throws {
        let tokenizer = try Self.tokenizer()
        // Digits do not occur in what the tokenizer has learned, so each is a token.
        func text(_ digit: String, _ count: Int) -> String { String(repeating: digit, count: count) }
        let tables = try Self.tables()
        #expect(tables.count == 12)
        for (length, table) in tables {
            var encoder = try TaskEncoder(tokenizer, longestText: length)
            var cut = 0
            for (row, kept) in table.enumerated() {
                for (column, expected) in kept.enumerated() {
                    let (first, second) = (row + 1, column + 1)
                    let whole = first + second + 3
                    let example = encoder.encode(
                        .init(text: text("7", first), pair: text("8", second), line: 1), target: nil)
                    #expect(example.tokens.count == min(whole, length))
                    #expect(
                        example.pairStart == expected + 2, "\(first) and \(second) tokens, at most \(length)")
                    cut += whole > length ? 1 : 0
                }
            }
            #expect(encoder.truncated == cut)
        }
    }
}
