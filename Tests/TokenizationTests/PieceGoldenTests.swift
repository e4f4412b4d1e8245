import Foundation
import TestSupport
import Testing
import Tokenization

/// Ids and offsets of WordPieces and Unigrams against those of the `tokenizers` library.
@Suite struct PieceGoldenTests {
    @Test("Every form gives the library's ids, offsets and text", arguments: try PieceForm.read())
    func tokens(form: PieceForm) throws {
        let tokenizer = try form.tokenizer()
        let encoder = TokenizerEncoder(tokenizer)
        let texts = try PieceForm.texts()
        #expect(texts.count == form.ordinary.count && texts.count == form.all.count && texts.count > 100)
        var decoded: [Int32] = []
        for (parsing, digests) in [(AddedTokenParsing.ordinary, form.ordinary), (.all, form.all)] {
            for (text, expected) in zip(texts, digests) {
                let tokens = encoder.tokens(text, parsing: parsing)
                let offsets = tokens.offsets(in: text)
                let shown = "\(form.name) \(parsing): \(String(decoding: text, as: UTF8.self).debugDescription)"
                #expect(digest(offsets.ids + offsets.offsets) == expected, "\(shown)")
                #expect(encoder.encode(text, parsing: parsing) == tokens.ids, "word by word, \(shown)")
                #expect(tokenizer.encode(text, parsing: parsing) == tokens.ids, "a fresh encoder, \(shown)")
                if parsing == .ordinary { decoded += tokenizer.decode(tokens.ids).map(Int32.init) }
            }
        }
        #expect(digest(decoded) == form.decoded)
        let first = try #require(texts.first)
        #expect(encoder.tokens(first).offsets(in: first) == form.first)
        #expect(tokenizer.addingSpecialTokens(tokenizer.encode("the water")) == form.wrapped)
        #expect(tokenizer.serialized() == form.json, "a loaded tokenizer is written back as it was")
        // Its pairs have no special tokens, which no model here is trained with.
        let exported = try tokenizer.serialized(wrapping: tokenizer.specialTokens)
        #expect(exported != form.json)
        let again = try Tokenizer(json: exported)
        #expect(
            try again.serialized(wrapping: again.specialTokens) == exported, "once it wraps pairs, it stays as it is")
        #expect(again.addingSpecialTokens(again.encode("the water")) == form.wrapped)
    }

    @Test("Every Unicode scalar is normalized and cut as in the library")
    func everyScalar() throws {
        let text = Fixtures.everyScalar()
        var checked = 0
        for form in try PieceForm.read() {
            guard let expected = form.scalars else { continue }
            let offsets = try TokenizerEncoder(form.tokenizer()).tokens(text).offsets(in: text)
            #expect(digest(offsets.ids + offsets.offsets) == expected, "\(form.name)")
            checked += 1
        }
        #expect(checked >= 7)
    }

    @Test("Text by the word, from the cache, is text step by step", arguments: try PieceForm.read())
    func cached(form: PieceForm) throws {
        let encoder = TokenizerEncoder(try form.tokenizer(), cacheEntries: 64)
        var generator = SplitMix64(seed: 12)
        let pieces: [[UInt8]] = [
            "the", "mill", "Élan", "字", " ", " ", "  ", "\n", "\r", "\r\n", "\t", ",", "-", "'", "``", "▁", "e\u{301}",
            "\u{301}",
            "\u{3000}", "\u{200B}", "\u{200D}", "\u{AD}", "👍🏽", "\u{600}", "\u{E33}", "ｶﾞ", "१२", "İ", "<unk>",
            "unbelievablylongword",
        ].map { Array($0.utf8) }
        for _ in 0..<1500 {
            var text: [UInt8] = []
            for _ in 0..<Int.random(in: 1..<14, using: &generator) {
                if Int.random(in: 0..<12, using: &generator) == 0 {
                    text.append(UInt8.random(in: 0...255, using: &generator))
                } else {
                    text += pieces[Int.random(in: 0..<pieces.count, using: &generator)]
                }
            }
            let tokens = encoder.tokens(text)
            #expect(encoder.encode(text) == tokens.ids, "\(String(decoding: text, as: UTF8.self).debugDescription)")
            #expect(tokens.ranges.count == tokens.ids.count)
            #expect(tokens.ranges.allSatisfy { $0.upperBound <= text.count })
        }
    }

    @Test("What is not UTF-8 is taken for U+FFFD, byte by byte")
    func invalidBytes() throws {
        for form in try PieceForm.read() {
            let encoder = TokenizerEncoder(try form.tokenizer())
            let ids = encoder.encode(Array("the mill".utf8) + [0xFF, 0x80] + Array(" x".utf8))
            #expect(ids == encoder.encode(Array("the mill\u{FFFD}\u{FFFD} x".utf8)), "\(form.name)")
        }
    }

    @Test("Words begin where no token goes on, and [UNK] is counted among the tokens")
    func words() throws {
        let forms = Dictionary(uniqueKeysWithValues: try PieceForm.read().map { ($0.name, $0) })
        let bert = try #require(try forms["bert-uncased"]?.tokenizer())
        let text = "unbelievably, the millers' \u{2B00} re-examination"
        let ids = bert.encode(text)
        #expect(bert.beginsWords(ids) == ids.map { !bert.token($0).hasPrefix("##") })
        #expect(bert.kind == .wordPiece && ids.count { $0 == bert.unknownID } == 1)
        let roberta = try #require(try forms["xlm-roberta"]?.tokenizer())
        let pieces = roberta.encode("unbelievably the")
        #expect(roberta.kind == .unigram && roberta.beginsWords(pieces).count { $0 } >= 2)
        #expect(zip(pieces, roberta.beginsWords(pieces)).allSatisfy { !roberta.token($0).hasPrefix("▁") || $1 })
        let sign = try #require(roberta.id(of: "▁"))
        #expect(roberta.isSpace(sign) && !roberta.isSpace(pieces[1]))
        #expect(
            try roberta.specialTokens
                == SpecialTokens(
                    padding: 1, unknown: 3, classification: 0, separator: 2, mask: 4))
    }
}
