import Foundation
import TestSupport
import Testing
import Tokenization

@Suite struct EncodingTests {
    private func trained() throws -> Tokenizer {
        let trainer = try BPETrainer(vocabularySize: 420)
        trainer.feed(Array(try Fixtures.data("corpus.txt")))
        return trainer.train()
    }

    @Test("A token that begins with a mark goes on with the word before it") func marks() throws {
        // The virama joins two letters; with few entries it begins a token of its own.
        let text = Array("क्षत्रिय क्या".utf8)
        let trainer = try BPETrainer(vocabularySize: 300)
        for _ in 0..<20 { trainer.feed(text) }
        let tokenizer = trainer.train()
        let ids = tokenizer.encode(text)
        let marked = ids.indices.filter { tokenizer.token(ids[$0]).unicodeScalars.first == "\u{94D}" }
        #expect(!marked.isEmpty && marked.allSatisfy { !tokenizer.beginsWords(ids)[$0] })
    }

    @Test(
        "Marks are nonspacing, spacing and enclosing ones, and nothing else",
        arguments: [
            ("\u{301}", true), ("\u{93F}", true), ("\u{20DD}", true), ("a", false), ("\u{200D}", false), ("ʰ", false),
        ] as [(Unicode.Scalar, Bool)])
    func markCategories(scalar: Unicode.Scalar, isMark: Bool) { #expect(scalar.isMark == isMark) }

    @Test("any bytes come back exactly, whatever the form")
    func roundTrip() throws {
        var generator = SplitMix64(seed: 1)
        let tokenizer = try trained()
        let encoder = TokenizerEncoder(tokenizer, cacheEntries: 16)
        for length in 0..<300 {
            let bytes = (0..<length).map { _ in
                UInt8.random(in: Bool.random(using: &generator) ? 0...255 : 32...126, using: &generator)
            }
            var ids: [Int32] = [-5]
            bytes.withUnsafeBufferPointer { encoder.encode($0, into: &ids) }
            #expect(ids.first == -5, "ids are appended")
            #expect(tokenizer.decode(ids.dropFirst()) == bytes)
            #expect(ids.dropFirst().allSatisfy { tokenizer.contains($0) && !(0..<5).contains($0) })
        }
    }

    @Test("each byte outside UTF-8 is neither letter nor space")
    func invalidBytes() throws {
        let tokenizer = try trained()
        let water = tokenizer.encode(" water")
        let cut: [UInt8] = [0xE6, 0xB0]
        // A letter next to an invalid byte is another word; a space before one joins it.
        #expect(
            tokenizer.encode(Array(" water".utf8) + cut + Array(" water".utf8)) == water + tokenizer.encode(cut) + water
        )
        for bytes in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x80]] as [[UInt8]] {
            #expect(tokenizer.decode(tokenizer.encode(bytes)) == bytes)
            #expect(tokenizer.encode(bytes).count == bytes.count)
        }
    }

    /// The scanner looks at eight bytes at once; the pattern matcher, which knows the same rule as a pattern, at one scalar.
    @Test("words end where GPT-2's pattern says, whatever byte ends them and wherever")
    func wordEnds() throws {
        let tokenizer = try trained()
        var json = try #require(
            try JSONSerialization.jsonObject(with: Data(tokenizer.serialized())) as? [String: Any])
        let pattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
        json["pre_tokenizer"] = [
            "type": "Sequence",
            "pretokenizers": [
                ["type": "Split", "pattern": ["Regex": pattern], "behavior": "Isolated", "invert": false]
                    as [String: Any],
                ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false],
            ],
        ]
        let reference = try Tokenizer(json: Array(try JSONSerialization.data(withJSONObject: json)))
        let letters = Array("Thewaterstonesgrindslowly".utf8)
        let ends: [[UInt8]] =
            (0...255).map { [$0] } + ["é", "ſ", "水", "\u{2028}", "٣", "😀", "'s", "'ll "].map { Array($0.utf8) }
        for end in ends {
            for position in 0...18 {
                let text = [0x20] + letters[..<position] + end + letters[position..<(position + 3)]
                #expect(tokenizer.encode(text) == reference.encode(text), "\(text)")
            }
        }
    }

    @Test("special tokens in the text are text unless asked for")
    func specialTokens() throws {
        let tokenizer = try trained()
        let text = "the [MASK] of [CLS]"
        let data = tokenizer.encode(text)
        #expect(!data.contains { $0 < 5 })
        #expect(data == tokenizer.encode(text, parsing: .none))
        let parsed = tokenizer.encode(text, parsing: .all)
        #expect(parsed.filter { $0 < 5 } == [4, 2])
        #expect(String(decoding: tokenizer.decode(parsed), as: UTF8.self) == text)
        #expect(String(decoding: tokenizer.decode(parsed, skippingSpecialTokens: true), as: UTF8.self) == "the  of ")
        #expect(tokenizer.token(4) == "[MASK]" && tokenizer.token(-1) == "" && tokenizer.token(9999) == "")
    }

    @Test("RoBERTa's names are found; a missing role is named")
    func specialTokenNames() throws {
        func json(_ added: [String]) -> [UInt8] {
            let tokens = added.enumerated().map {
                #"{"id": \#($0 + 1), "content": "\#($1)", "special": true, "normalized": false}"#
            }
            let list = tokens.joined(separator: ",")
            return Array(
                (#"{"added_tokens": [\#(list)], "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "#
                    + #""model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}"#).utf8)
        }
        let roberta = try Tokenizer(json: json(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]))
        #expect(
            try roberta.specialTokens
                == SpecialTokens(padding: 2, unknown: 4, classification: 1, separator: 3, mask: 5))
        let gpt2 = try Tokenizer(json: json(["<pad>"]))
        #expect(throws: TokenizerError.missingSpecialToken(role: "unknown", accepted: ["[UNK]", "<unk>"])) {
            try gpt2.specialTokens
        }
    }

    @Test("long words cost n log n, counted in steps")
    func longWords() throws {
        let tokenizer = try trained()
        func work(_ count: Int, _ make: (Int) -> UInt8) -> Int {
            let encoder = TokenizerEncoder(tokenizer)
            let text = (0..<count).map(make)
            var ids: [Int32] = []
            text.withUnsafeBufferPointer { encoder.encode($0, into: &ids) }
            #expect(tokenizer.decode(ids) == text)
            return encoder.mergeWork
        }
        let letters = Array("thewaterstonegrinds".utf8)
        for make in [{ _ in UInt8(ascii: "a") }, { letters[$0 % letters.count] }, { _ in UInt8(ascii: "\n") }]
            as [(Int) -> UInt8]
        {
            let short = work(1 << 14, make)
            let long = work(1 << 19, make)
            #expect(long <= short * 32 * 2, "\(short) steps for 16 KB, \(long) for 512 KB")
            #expect(long <= 8 << 19)
        }
    }

    @Test("parts of one text and whole texts of all lengths agree with the cache on and off")
    func cache() throws {
        let tokenizer = try trained()
        let text = Array(try Fixtures.data("corpus.txt"))
        let large = TokenizerEncoder(tokenizer)
        let small = TokenizerEncoder(tokenizer, cacheEntries: 2)
        for length in stride(from: 0, to: text.count, by: 37) {
            var first: [Int32] = []
            var second: [Int32] = []
            text[..<length].withUnsafeBufferPointer {
                large.encode($0, into: &first)
                small.encode($0, into: &second)
            }
            #expect(first == second)
        }
    }

    @Test("invalid sequences are replaced by maximal subparts and counted")
    func repair() {
        // The example of Unicode's table 3-8 and some borders; Foundation's decoder is the reference.
        var generator = SplitMix64(seed: 8)
        var cases: [[UInt8]] = [
            [0x61, 0xF1, 0x80, 0x80, 0xE1, 0x80, 0xC2, 0x62, 0x80, 0x63, 0x80, 0xBF, 0x64], [0xE0, 0x80, 0x80],
            [0xED, 0xA0],
            [0xF4, 0x90, 0x80], [0xC3], [0xF0, 0x9F, 0x98], [],
        ]
        for _ in 0..<2000 {
            cases.append(
                (0..<12).map { _ in
                    [0x61, 0x80, 0xBF, 0xC2, 0xE0, 0xE1, 0xED, 0xF0, 0xF4, 0x9F, 0xA0, 0x90][
                        Int.random(in: 0..<12, using: &generator)]
                })
        }
        for bytes in cases {
            var repaired: [UInt8] = []
            let replaced = bytes.withUnsafeBytes { UTF8Repair.append($0, to: &repaired) }
            let expected = Array(String(decoding: bytes, as: UTF8.self).utf8)
            #expect(repaired == expected, "\(bytes)")
            #expect(replaced == String(decoding: bytes, as: UTF8.self).unicodeScalars.filter { $0 == "\u{FFFD}" }.count)
            let first = bytes.withUnsafeBytes { UTF8Repair.firstInvalid($0) }
            #expect((first == nil) == (repaired == bytes))
        }
    }
}
