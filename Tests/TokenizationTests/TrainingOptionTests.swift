import Foundation
import TestSupport
import Testing
import Tokenization

/// Training with patterns, normalizers and a length limit against the `tokenizers` library with the same settings.
@Suite struct TrainingOptionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let options: TokenizerTrainingOptions
        let size: Int
        let merges: Int
        let last: [[String]]
        let digest: String
        let texts: [String]
        let testDescription: String
    }

    static let cases: [Case] = {
        let entries = (try? Fixtures.object("training.json") as? [[String: Any]]) ?? []
        return entries.map { entry in
            let setting = entry["setting"] as? [String: Any] ?? [:]
            var options = TokenizerTrainingOptions()
            options.pattern = .init(rawValue: setting["pattern"] as? String ?? "") ?? .gpt2
            options.digits = setting["digits"] as? Int ?? options.digits
            options.isComposed = setting["composed"] as? Bool ?? false
            options.isLowercased = setting["lowercase"] as? Bool ?? false
            options.maximumTokenLength = setting["length"] as? Int
            let digests = Array(entry["texts"] as? String ?? "")
            return Case(
                options: options, size: entry["size"] as? Int ?? 0, merges: entry["merges"] as? Int ?? 0,
                last: entry["last"] as? [[String]] ?? [], digest: entry["digest"] as? String ?? "",
                texts: stride(from: 0, to: digests.count, by: 8).map { String(digests[$0..<$0 + 8]) },
                testDescription: "\(setting), \(entry["size"] ?? 0)")
        }
    }()

    private func trained(_ options: TokenizerTrainingOptions, size: Int) throws -> Tokenizer {
        let trainer = try BPETrainer(vocabularySize: size, options: options)
        for name in ["corpus.txt", "marked.txt"] { trainer.feed(Array(try Fixtures.data(name))) }
        return trainer.train()
    }

    @Test("merges and ids are the library's", arguments: cases)
    func library(_ test: Case) throws {
        let tokenizer = try trained(test.options, size: test.size)
        let root = try JSONSerialization.jsonObject(with: Data(tokenizer.serialized())) as? [String: Any]
        let merges = (root?["model"] as? [String: Any])?["merges"] as? [[String]] ?? []
        #expect(merges.count == test.merges && Array(merges.suffix(20)) == test.last)
        #expect(digest(merges.map { Int32($0[0].utf8.count * 257 + $0[1].utf8.count) }) == test.digest)
        let again = try Tokenizer(json: tokenizer.serialized())
        let texts = try Fixtures.texts()
        #expect(texts.count == test.texts.count && texts.count > 50)
        for (text, expected) in zip(texts, test.texts) {
            let shown = String(decoding: text, as: UTF8.self).debugDescription
            #expect(digest(tokenizer.encode(text)) == expected, "\(shown)")
            #expect(again.encode(text) == tokenizer.encode(text), "read back: \(shown)")
        }
    }

    @Test(
        "tokens with their bytes are those of encoding, also where a full stop and its line's end are one",
        arguments: [false, true])
    func joined(isLowercased: Bool) throws {
        var options = TokenizerTrainingOptions()
        options.pattern = .llama3Marks
        options.isLowercased = isLowercased
        let trainer = try BPETrainer(vocabularySize: 300, options: options)
        let text = Array("It ends.\nNext line.\nLast.\n".utf8)
        for _ in 0..<20 { trainer.feed(text) }
        let tokenizer = trainer.train()
        let ids = tokenizer.encode(text)
        #expect(ids.contains { tokenizer.bytes(of: $0) == Array(".\n".utf8) })
        let tokens = TokenizerEncoder(tokenizer).tokens(text)
        #expect(tokens.ids == ids && tokens.ranges.count == ids.count)
        // "It ends." goes on to the end of the token that it ends in.
        let count = tokens.counts(before: [0, 8])
        let expected = isLowercased ? "it ends.\n" : "It ends.\n"
        #expect(
            count[0] == 0 && String(decoding: tokenizer.decode(Array(ids.prefix(count[1]))), as: UTF8.self) == expected)
    }

    @Test("the fixtures cover every option")
    func coverage() {
        #expect(Self.cases.count >= 20)
        for pattern in TokenizerTrainingOptions.Pattern.allCases {
            #expect(Self.cases.contains { $0.options.pattern == pattern })
        }
        #expect(Self.cases.contains { $0.options.maximumTokenLength != nil && $0.options.isComposed })
    }

    @Test("a mark stays with its letter under llama3_marks alone, composed or not")
    func marks() throws {
        var options = TokenizerTrainingOptions()
        func pieces(_ text: String) throws -> [String] {
            let trainer = try BPETrainer(vocabularySize: 2000, options: options)
            trainer.feed(Array(String(repeating: text + "\n", count: 20).utf8))
            let tokenizer = trainer.train()
            return tokenizer.encode(text).map { tokenizer.token($0) }
        }
        let devanagari = "\u{928}\u{940}\u{932}\u{940} \u{928}\u{926}\u{940}"
        for pattern in TokenizerTrainingOptions.Pattern.allCases {
            options.pattern = pattern
            #expect(
                try pieces(devanagari).count == (pattern == .llama3Marks ? 2 : pattern == .gpt2 ? 6 : 5), "\(pattern)")
            #expect(try pieces("cafe\u{301}s").count == (pattern == .llama3Marks ? 1 : pattern == .gpt2 ? 3 : 2))
        }
        options.pattern = .gpt2
        options.isComposed = true
        #expect(try pieces("cafe\u{301}s") == ["caf\u{e9}s"])
    }

    @Test("no token is longer than the limit allows, and digits come in groups")
    func limits() throws {
        var options = TokenizerTrainingOptions()
        options.pattern = .llama3
        options.digits = 2
        options.maximumTokenLength = 5
        let trainer = try BPETrainer(vocabularySize: 1000, options: options)
        trainer.feed(Array(String(repeating: "wheelwrights 123456 in 1987\n", count: 30).utf8))
        let tokenizer = trainer.train()
        let tokens = (0..<Int32(tokenizer.vocabularySize)).filter { $0 >= 5 }.map { tokenizer.token($0) }
        #expect(tokens.contains { $0.utf8.count == 4 } && tokens.allSatisfy { $0.utf8.count < 5 })
        #expect(tokenizer.encode("123456").map { tokenizer.token($0) } == ["12", "34", "56"])
    }
}
