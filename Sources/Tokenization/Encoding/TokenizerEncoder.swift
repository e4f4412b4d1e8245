/// Encodes texts with one tokenizer, keeping scratch memory and a cache of words between calls.
///
/// Not for use by several threads at once: make one per thread. Memory: 32 bytes per cache entry (4 MB by default), and
/// scratch in proportion to the longest pre-token.
public final class TokenizerEncoder {
    public let tokenizer: Tokenizer
    private let encoder: Encoder

    private enum Encoder {
        case byteLevelBPE(BPEEncoder)
        case pieces(PieceEncoder)
    }

    /// - Parameter cacheEntries: how many words the cache holds; rounded up to a power of two.
    public init(_ tokenizer: Tokenizer, cacheEntries: Int = 1 << 17) {
        self.tokenizer = tokenizer
        encoder =
            switch tokenizer.model {
            case .byteLevelBPE(let model, let preTokenizer):
                .byteLevelBPE(BPEEncoder(tokenizer, model, preTokenizer, cacheEntries: cacheEntries))
            case .pieces(let model, let cutter):
                .pieces(PieceEncoder(tokenizer, model, cutter, cacheEntries: cacheEntries))
            }
    }

    /// Units of work in merging so far, which tests bound instead of a time.
    package var mergeWork: Int {
        switch encoder {
        case .byteLevelBPE(let encoder): encoder.mergeWork
        case .pieces: 0
        }
    }

    /// Appends the ids of one text. Never fails: bytes outside UTF-8 are encoded as they are by a byte-level model, and taken
    /// for U+FFFD by others.
    ///
    /// - Parameter parsing: which added tokens to look for in the text; special ones are text unless `.all`.
    public func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, into ids: inout [Int32], parsing: AddedTokenParsing = .ordinary
    ) {
        switch encoder {
        case .byteLevelBPE(let encoder): encoder.encode(bytes, into: &ids, parsing: parsing)
        case .pieces(let encoder): encoder.encode(bytes, into: &ids, parsing: parsing)
        }
    }

    /// The ids of one text given as bytes.
    public func encode(_ bytes: [UInt8], parsing: AddedTokenParsing = .ordinary) -> [Int32] {
        var ids: [Int32] = []
        bytes.withUnsafeBufferPointer { encode($0, into: &ids, parsing: parsing) }
        return ids
    }

    /// The tokens of a text with the bytes that each stands for: for a WordPiece or a Unigram those that `tokenizers` gives as
    /// offsets.
    public func tokens(_ bytes: [UInt8], parsing: AddedTokenParsing = .ordinary) -> TextTokens {
        switch encoder {
        case .byteLevelBPE: byteLevelTokens(bytes, parsing)
        case .pieces(let encoder):
            bytes.withUnsafeBufferPointer { encoder.tokens($0, parsing: parsing, wantsRanges: true) }
        }
    }
}
