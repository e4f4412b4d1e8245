import Corpus
import Tokenization

/// The run's tokenizer as the corpus loader needs it. Special tokens in the text are text.
struct RunDocumentTokenizer: DocumentTokenizer {
    private let tokenizer: ByteLevelBPE
    let classificationID: Int32
    let separatorID: Int32
    let paddingID: Int32

    init(_ tokenizer: ByteLevelBPE, _ special: SpecialTokens) {
        self.tokenizer = tokenizer
        classificationID = special.classification
        separatorID = special.separator
        paddingID = special.padding
    }

    func makeEncoder() -> any DocumentEncoder { Encoder(encoder: BPEEncoder(tokenizer)) }

    private struct Encoder: DocumentEncoder {
        let encoder: BPEEncoder

        mutating func encode(_ bytes: UnsafeBufferPointer<UInt8>, into tokens: inout [Int32]) {
            encoder.encode(bytes, into: &tokens, parsing: .none)
        }
    }
}
