import FineTuning
import Foundation
import TestSupport
import Testing
import Tokenization

@Suite("Fine-tuning: tokens, words and windows of texts")
struct TextTokensTests {
    /// A tokenizer of few words, with a normalizer or none.
    private func encoder(
        normalizer: Any? = nil, addsPrefixSpace: Bool = false, longestText: Int = 24
    ) throws -> TaskEncoder {
        let text = "the warm day was sunny and Été was warm, the Day was grey. 12 days don't end"
        let trainer = try BPETrainer(vocabularySize: 300, minimumFrequency: 1)
        trainer.feed(Array(String(repeating: text + "\n", count: 20).utf8))
        var json = try #require(
            try JSONSerialization.jsonObject(with: Data(trainer.train().serialized())) as? [String: Any])
        if let normalizer { json["normalizer"] = normalizer }
        if addsPrefixSpace {
            json["pre_tokenizer"] = ["type": "ByteLevel", "add_prefix_space": true, "use_regex": true]
        }
        return try TaskEncoder(
            Tokenizer(json: Array(try JSONSerialization.data(withJSONObject: json))), longestText: longestText)
    }

    private static let texts = [
        "the warm day", "  Été, was   sunny.\n\nthe DAY!", "日本 🙂 don't 12days", "a", "x\u{301}y ... end ",
    ]

    @Test("The bytes of a text's tokens are the text, one behind the other", arguments: texts)
    func exact(text: String) throws {
        let tokens = try encoder().tokens(text)
        #expect(tokens.ids.count == tokens.ranges.count)
        #expect(tokens.ranges.flatMap { Array($0) } == Array(0..<text.utf8.count))
    }

    @Test("A space that the tokenizer puts before the text is no part of it", arguments: texts, [false, true])
    func prefixSpace(text: String, isLowercased: Bool) throws {
        let encoder = try encoder(normalizer: isLowercased ? ["type": "Lowercase"] : nil, addsPrefixSpace: true)
        let tokens = encoder.tokens(text)
        #expect(tokens.ids.count == tokens.ranges.count)
        #expect(tokens.ids.first != (try self.encoder().tokens(text).ids.first) || text.hasPrefix(" "))
        let bytes = tokens.ranges.flatMap { Array($0) }
        // Several tokens of a character that has been changed stand for all of it.
        #expect((isLowercased ? Set(bytes).sorted() : bytes) == Array(0..<text.utf8.count), "\(tokens)")
        #expect(bytes == bytes.sorted() || isLowercased)
    }

    @Test("A WordPiece's tokens stand for parts of the text as it was, and words are whole")
    func wordPiece() throws {
        let tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "warm", "##er", "ete", "day", ",", "##s"]
        let json: [String: Any] = [
            "added_tokens": tokens[..<5].enumerated().map {
                ["id": $0, "content": $1, "special": true, "normalized": false]
            },
            "normalizer": ["type": "BertNormalizer"], "pre_tokenizer": ["type": "BertPreTokenizer"],
            "model": ["type": "WordPiece", "vocab": Dictionary(uniqueKeysWithValues: zip(tokens, 0...))],
        ]
        let encoder = try TaskEncoder(
            Tokenizer(json: Array(JSONSerialization.data(withJSONObject: json))), longestText: 24)
        let text = "The  WARMER Été, days\u{200B}! x"
        let found = encoder.tokens(text)
        #expect(found.ids == [5, 6, 7, 8, 10, 9, 11, 1, 1])
        let bytes = Array(text.utf8)
        let parts = found.ranges.map { String(decoding: bytes[$0], as: UTF8.self) }
        #expect(parts == ["The", "WARM", "ER", "Été", ",", "day", "s", "!", "x"])
        let words = TextWords(text, found)
        #expect(words.firstTokens == [0, 1, 3, 4, 5, 7, 8])
        #expect(
            words.ranges.map { String(decoding: bytes[$0], as: UTF8.self) } == [
                "The", "WARMER", "Été", ",", "days", "!", "x",
            ])
        // Words that are given are tokens each, with no space that would count.
        let given = encoder.words(TaskRow(text: "", words: ["The", "WARMERS", "é"], line: 1))
        #expect(given.ids == [5, 6, 7, 11, 1] && given.firstTokens == [0, 1, 4])
    }

    @Test("Tokens of text that the tokenizer changes stand for what they come from", arguments: texts)
    func normalized(text: String) throws {
        let encoder = try encoder(normalizer: ["type": "Lowercase"])
        let tokens = encoder.tokens(text)
        let bytes = Array(text.utf8)
        var covered = Set<Int>()
        for range in tokens.ranges {
            #expect(range.upperBound <= bytes.count)
            covered.formUnion(range)
        }
        #expect(bytes.indices.allSatisfy { covered.contains($0) || bytes[$0] == 0x20 || bytes[$0] == 0x0A })
        // Also where words are joined and letters are of several bytes.
        let capitals = encoder.tokens("DAY\nÉTÉ.\nDAY")
        #expect(capitals.ranges.first?.lowerBound == 0 && capitals.ranges.last?.upperBound == 14)
        #expect(capitals.ranges.contains { $0.lowerBound == 4 } && capitals.ranges.allSatisfy { $0.count < 6 })
    }

    @Test("Words begin behind spaces and at signs, and every one has a first token of its own")
    func words() throws {
        let text = "the Été, was (grey)\nday 12!"
        let tokens = try encoder().tokens(text)
        let words = TextWords(text, tokens)
        let bytes = Array(text.utf8)
        let found = words.ranges.map { String(decoding: bytes[$0], as: UTF8.self) }
        #expect(found == ["the", "Été", ",", "was", "(", "grey", ")", "day", "12", "!"])
        #expect(Set(words.firstTokens).count == found.count && words.firstTokens == words.firstTokens.sorted())
        for (word, token) in zip(words.ranges, words.firstTokens) {
            #expect(tokens.ranges[token].contains(word.lowerBound))
        }
    }

    @Test("Given words are tokens as in their text, and the first of each is none of the space before it")
    func givenWords() throws {
        let encoder = try encoder()
        // Capital letters that the tokenizer knows no word with: a space is a token of its own before them.
        let words = ["the", "Zoë", "QQ", "day", "😀"]
        let text = words.joined(separator: " ")
        let tokens = encoder.tokens(text)
        let given = encoder.words(TaskRow(text: text, words: words, line: 1))
        #expect(given.ids == tokens.ids && given.firstTokens == TextWords(text, tokens).firstTokens)
        let space = encoder.tokens(" ").ids
        #expect(given.ids.contains(space[0]))
        #expect(given.firstTokens.allSatisfy { $0.map { given.ids[$0] != space[0] } ?? false })
    }

    @Test("Windows cover a text, are full, and share what they should")
    func windows() {
        #expect(TextWindows.windows(10, room: 4, overlap: 1) == [0..<4, 3..<7, 6..<10])
        #expect(TextWindows.windows(9, room: 4, overlap: 1) == [0..<4, 3..<7, 5..<9])
        #expect(
            TextWindows.windows(4, room: 4, overlap: 1) == [0..<4]
                && TextWindows.windows(0, room: 4, overlap: 1) == [0..<0])
        for (count, room, overlap) in (1...40).flatMap({ count in
            (1...9).flatMap { room in (0...10).map { (count, room, $0) } }
        }) {
            let windows = TextWindows.windows(count, room: room, overlap: overlap)
            #expect(Set(windows.flatMap { Array($0) }) == Set(0..<count))
            #expect(windows.allSatisfy { $0.count == min(room, count) } && Set(windows).count == windows.count)
            for (a, b) in zip(windows, windows.dropFirst()) {
                #expect(a.upperBound - b.lowerBound >= min(overlap, room - 1))
            }
            for token in 0..<count {
                let owner = windows[TextWindows.owner(of: token, windows)]
                func context(_ window: Range<Int>) -> Int {
                    min(token - window.lowerBound, window.upperBound - 1 - token)
                }
                #expect(windows.allSatisfy { context($0) <= context(owner) } && owner.contains(token))
            }
        }
    }
}
