import Corpus
import Tokenization

/// The run's tokenizer as the corpus loader needs it. Special tokens in the text are text; other added tokens
/// are found, as by `tokenizers`.
package struct RunDocumentTokenizer: DocumentTokenizer {
    private let tokenizer: Tokenizer
    package let classificationID: Int32
    package let separatorID: Int32
    package let paddingID: Int32
    package var unknownID: Int32? { tokenizer.unknownID }
    package var vocabularySize: Int { tokenizer.vocabularySize }

    package init(_ tokenizer: Tokenizer, _ special: SpecialTokens) {
        self.tokenizer = tokenizer
        classificationID = special.classification
        separatorID = special.separator
        paddingID = special.padding
    }

    package func makeEncoder() -> any DocumentEncoder { Encoder(encoder: TokenizerEncoder(tokenizer)) }

    private struct Encoder: DocumentEncoder {
        let encoder: TokenizerEncoder

        mutating func encode(_ bytes: UnsafeBufferPointer<UInt8>, into tokens: inout [Int32]) {
            encoder.encode(bytes, into: &tokens)
        }

        mutating func encode(
            _ bytes: UnsafeBufferPointer<UInt8>, into tokens: inout [Int32], countingBefore offsets: [Int]
        ) -> [Int] {
            let found = encoder.tokens(Array(bytes))
            let before = tokens.count
            tokens += found.ids
            return found.counts(before: offsets).map { before + $0 }
        }
    }
}
