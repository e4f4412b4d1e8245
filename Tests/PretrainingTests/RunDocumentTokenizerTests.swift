import Corpus
import Pretraining
import Testing
import Tokenization

@Suite("A run's tokenizer") struct RunDocumentTokenizerTests {
    @Test("Documents of pairs have the tokens that they have without, and their sentences end with one")
    func sentences() throws {
        let text = Array("It ends.\nNext line. It goes on\n\n一文。二文！三\nlast.".utf8)
        for pattern in TokenizerTrainingOptions.Pattern.allCases {
            var options = TokenizerTrainingOptions()
            options.pattern = pattern
            let trainer = try BPETrainer(vocabularySize: 300, options: options)
            for _ in 0..<20 { trainer.feed(text) }
            let tokenizer = trainer.train()
            var encoder = RunDocumentTokenizer(tokenizer, try tokenizer.specialTokens).makeEncoder()
            var (whole, tokens): ([Int32], [Int32]) = ([], [7])
            let (offsets, counts) = text.withUnsafeBufferPointer { bytes in
                encoder.encode(bytes, into: &whole)
                let offsets = SentenceEnds.offsets(in: bytes)
                return (offsets, encoder.encode(bytes, into: &tokens, countingBefore: offsets))
            }
            #expect(tokens == [7] + whole && offsets.count == 6)
            var length = 0
            for (offset, count) in zip(offsets, counts) {
                length = tokenizer.decode(Array(whole.prefix(count - 1))).count
                let before = tokenizer.decode(Array(whole.prefix(count - 2))).count
                #expect(length >= offset && before < offset)
            }
            #expect(length < text.count)
        }
    }
}
