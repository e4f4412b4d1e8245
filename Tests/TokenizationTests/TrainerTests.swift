import Foundation
import TestSupport
import Testing
import Tokenization

@Suite struct TrainerTests {
    private func corpus() throws -> [UInt8] { Array(try Fixtures.data("corpus.txt")) }

    private func merges(_ tokenizer: Tokenizer) throws -> [[String]] {
        let root = try JSONSerialization.jsonObject(with: Data(tokenizer.serialized())) as? [String: Any]
        let model = root?["model"] as? [String: Any]
        return model?["merges"] as? [[String]] ?? []
    }

    @Test("merges equal the library's for several sizes and frequencies")
    func libraryMerges() throws {
        let expected = try Fixtures.object("merges.json") as? [String: [Any]] ?? [:]
        #expect(expected.count == 4)
        for (setting, tail) in expected {
            let numbers = setting.split(separator: " ").compactMap { Int($0) }
            let trainer = try BPETrainer(vocabularySize: numbers[0], minimumFrequency: numbers[1])
            trainer.feed(try corpus())
            let learned = try merges(trainer.train())
            #expect(learned.count == tail.last as? Int, "\(setting)")
            #expect(
                Array(learned.suffix(tail.count - 1)) == tail.dropLast().compactMap { $0 as? [String] }, "\(setting)")
        }
    }

    @Test("the trained tokenizer is the one of the fixtures, and reads back")
    func wholeModel() throws {
        let trainer = try BPETrainer(vocabularySize: 420)
        trainer.feed(try corpus())
        let tokenizer = trainer.train()
        let model = try Fixtures.object("model.json") as? [String: Any]
        let vocabulary = model?["vocab"] as? [String: Int] ?? [:]
        #expect(vocabulary.count == 420 && tokenizer.vocabularySize == 420)
        for (token, id) in vocabulary { #expect(tokenizer.id(of: token) == Int32(id)) }
        #expect(try tokenizer.specialTokens.all == [0, 1, 2, 3, 4])
        let again = try Tokenizer(json: tokenizer.serialized())
        for text in try Fixtures.texts() { #expect(again.encode(text) == tokenizer.encode(text)) }
        #expect(again.addingSpecialTokens([7]) == [2, 7, 3])
        #expect(again.serialized() == tokenizer.serialized())
    }

    @Test("how lines are spread over calls does not matter")
    func granularity() throws {
        let text = try corpus()
        func trained(_ parts: [[UInt8]]) throws -> [UInt8] {
            let trainer = try BPETrainer(vocabularySize: 600, wordLimit: 40)
            for part in parts { trainer.feed(part) }
            return trainer.train().serialized()
        }
        let lines = text.split(separator: 0x0A, omittingEmptySubsequences: false).map { Array($0) + [0x0A] }
        var joined = Array(lines.joined())
        joined.removeLast()
        #expect(joined == text)
        let whole = try trained([text])
        var parts = lines
        parts[parts.count - 1].removeLast()
        #expect(try trained(parts) == whole)
        #expect(try trained([Array(parts[..<3].joined()), Array(parts[3...].joined())]) == whole)
        #expect(try trained([text]) == whole)
        // What was left out of so small a table is told.
        for (limit, isTold) in [(40, true), (BPETrainer.wordLimit, false)] {
            let trainer = try BPETrainer(vocabularySize: 600, wordLimit: limit)
            trainer.feed(text)
            _ = trainer.train()
            #expect((trainer.droppedWords > 0) == isTold && (trainer.droppedWordsNote != nil) == isTold)
        }
    }

    @Test("too little text gives fewer ids, too small a size is an error")
    func sizes() throws {
        let trainer = try BPETrainer(vocabularySize: 30_000)
        trainer.feed(Array("hello hello help\n".utf8))
        var last = 0.0
        let tokenizer = trainer.train { _, share in
            #expect(share >= last)
            last = share
        }
        #expect(last == 1)
        #expect(tokenizer.vocabularySize > 261 && tokenizer.vocabularySize < 280)
        #expect(tokenizer.encode("hello").count == 1)
        #expect(throws: TokenizerError.vocabularyTooSmall(requested: 260, minimum: 261)) {
            try BPETrainer(vocabularySize: 260)
        }
        let empty = try BPETrainer(vocabularySize: 261).train()
        #expect(empty.vocabularySize == 261)
        #expect(empty.decode(empty.encode([0, 255, 65])) == [0, 255, 65])
    }

    @Test("frequent words survive when the word table is pruned")
    func pruning() throws {
        let trainer = try BPETrainer(vocabularySize: 300, wordLimit: 100)
        for index in 0..<3000 { trainer.feed(Array("water wheel \(String(index, radix: 36))x\n".utf8)) }
        let tokenizer = trainer.train()
        #expect(tokenizer.encode("water").count == 1)
        #expect(tokenizer.encode(" wheel").count == 1)
    }

    @Test("a megabyte without spaces and bytes outside UTF-8 can be trained on")
    func hostileText() throws {
        let trainer = try BPETrainer(vocabularySize: 400)
        trainer.feed([UInt8](repeating: UInt8(ascii: "a"), count: 1 << 20))
        var generator = SplitMix64(seed: 5)
        trainer.feed((0..<100_000).map { _ in UInt8.random(in: 0...255, using: &generator) })
        let tokenizer = trainer.train()
        #expect(tokenizer.vocabularySize == 400)
        #expect(tokenizer.token(Int32(261)) == "aa")
    }
}
