import Foundation
import TestSupport
import Testing
import Tokenization

/// Ids against those of the `tokenizers` library.
@Suite struct GoldenTests {
    @Test("every form of tokenizer.json gives the library's ids", arguments: try Form.read())
    func ids(form: Form) throws {
        let tokenizer = try form.tokenizer()
        let encoder = TokenizerEncoder(tokenizer)
        let texts = try Fixtures.texts()
        #expect(texts.count == form.ordinary.count && texts.count > 50)
        for (text, expected) in zip(texts, form.ordinary) {
            var ids: [Int32] = []
            text.withUnsafeBufferPointer { encoder.encode($0, into: &ids) }
            #expect(digest(ids) == expected, "\(form.name): \(String(decoding: text, as: UTF8.self).debugDescription)")
            #expect(tokenizer.encode(text) == ids, "a fresh encoder differs")
        }
        if let all = form.all {
            for (text, expected) in zip(texts, all) {
                let ids = tokenizer.encode(text, parsing: .all)
                let shown = String(decoding: text, as: UTF8.self).debugDescription
                #expect(digest(ids) == expected, "\(form.name), special tokens parsed: \(shown)")
            }
        }
        if let wrapped = form.wrapped {
            #expect(tokenizer.addingSpecialTokens(tokenizer.encode("the water")) == wrapped)
        }
        if let expected = form.ids {
            for (text, ids) in zip(texts, expected) { #expect(tokenizer.encode(text) == ids) }
        }
        #expect(tokenizer.serialized() == form.json, "a loaded tokenizer is written back as it was")
    }

    @Test("every Unicode scalar is cut and normalized as in the library")
    func everyScalar() throws {
        let text = Fixtures.everyScalar()
        var checked = 0
        for form in try Form.read() {
            guard let expected = form.scalars else { continue }
            #expect(digest(try form.tokenizer().encode(text)) == expected, "\(form.name)")
            checked += 1
        }
        #expect(checked >= 5)
    }

    @Test("the hand-written scanners agree with the general matcher on bytes of all kinds")
    func scanners() throws {
        let forms = Dictionary(uniqueKeysWithValues: try Form.read().map { ($0.name, $0) })
        var generator = SplitMix64(seed: 3)
        let pieces: [[UInt8]] = ["the", "'s", "'LL", "'ſ", " ", "  ", "\n", "\r", "\t", "12", "Ⅷ", "é", "字", "!", "'"]
            .map {
                Array($0.utf8)
            }
        for (scanned, general) in [("gpt2", "gpt2-pattern"), ("llama3", "llama3-general")] {
            guard let first = try forms[scanned]?.tokenizer(), let second = try forms[general]?.tokenizer() else {
                Issue.record("a form is missing")
                continue
            }
            for _ in 0..<400 {
                var text: [UInt8] = []
                for _ in 0..<Int.random(in: 1..<40, using: &generator) {
                    if Int.random(in: 0..<5, using: &generator) == 0 {
                        text.append(UInt8.random(in: 0...255, using: &generator))
                    } else {
                        text += pieces[Int.random(in: 0..<pieces.count, using: &generator)]
                    }
                }
                let ids = first.encode(text)
                #expect(first.decode(ids) == text)
                #expect(ids == second.encode(text))
            }
        }
    }
}
