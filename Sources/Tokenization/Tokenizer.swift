/// A tokenizer of any kind: a Hugging Face `tokenizer.json`, or one trained by `BPETrainer`.
///
/// Immutable, and safe to share between threads. Encoding needs scratch memory and a cache, which a `TokenizerEncoder` holds:
/// make one per thread for bulk text; `encode` here makes a small one for each call.
public final class Tokenizer: Sendable {
    /// What tokens are and how words are put together from them.
    public enum Kind: String, Sendable, CaseIterable {
        /// Tokens are bytes, merged in pairs.
        case byteLevelBPE = "byte-level BPE"
        /// Tokens are text; those that continue a word are marked (`##`).
        case wordPiece = "WordPiece"
        /// Tokens are text with a likelihood; spaces are marked (`▁`).
        case unigram = "Unigram"
    }

    let model: TokenModel
    let normalizer: Normalizer?
    /// Nil for a byte-level model, whose tokens are the bytes of the text.
    let decoder: TokenDecoder?
    let postProcessor: PostProcessor
    let addedTokens: AddedVocabulary
    /// Raw bytes of every id; nil where the vocabulary has a hole.
    let tokenBytes: [[UInt8]?]
    /// The tokenizer.json that this tokenizer was read from or that describes it.
    private let json: [UInt8]

    init(
        model: TokenModel, normalizer: Normalizer?, decoder: TokenDecoder? = nil, postProcessor: PostProcessor,
        addedTokens: AddedVocabulary, json: [UInt8]
    ) {
        self.model = model
        self.normalizer = normalizer
        self.decoder = decoder
        self.postProcessor = postProcessor
        self.addedTokens = addedTokens
        self.json = json
        let ids = model.ids
        let highest = max(ids.values.max() ?? -1, addedTokens.tokens.map(\.id).max() ?? -1)
        var bytes = [[UInt8]?](repeating: nil, count: Int(highest) + 1)
        for (token, id) in ids { bytes[Int(id)] = model.bytes(of: token) }
        for token in addedTokens.tokens { bytes[Int(token.id)] = Array(token.content.utf8) }
        tokenBytes = bytes
    }

    /// One more than the highest id: the number of rows that an embedding table needs. Foreign vocabularies can have
    /// holes, which count.
    public var vocabularySize: Int { tokenBytes.count }

    public var kind: Kind { model.kind }

    /// The id of text that no token has; nil for a model that has a token for every byte, or leaves others out.
    public var unknownID: Int32? { model.unknown }

    /// How many of the bytes that UTF-8 is made of have no token and nothing that stands for them: text with them is left out, as
    /// `tokenizers` does. Byte-level BPEs that were trained without the whole alphabet are so.
    public var droppedByteValues: Int {
        guard case .byteLevelBPE(let model, _) = model, model.unknown == nil else { return 0 }
        let never: Set<Int> = [0xC0, 0xC1]
        return (0..<0xF5).count { !never.contains($0) && model.byteSymbols[$0] < 0 }
    }

    /// Whether the vocabulary has a token with this id.
    public func contains(_ id: Int32) -> Bool {
        id >= 0 && id < tokenBytes.count && tokenBytes[Int(id)] != nil
    }

    /// The id of an added token by its content, or of a token of the model as tokenizer.json writes it.
    public func id(of content: String) -> Int32? {
        addedTokens.id(of: content) ?? model.ids[Array(content.utf8)]
    }

    /// The added tokens, special and ordinary, in the order of tokenizer.json.
    public var addedTokenList: [AddedToken] { addedTokens.tokens }

    /// The raw bytes of a token, or the token as tokenizer.json writes it where the model is not byte-level; nil for an id that the vocabulary lacks.
    public func bytes(of id: Int32) -> [UInt8]? {
        id >= 0 && id < tokenBytes.count ? tokenBytes[Int(id)] : nil
    }

    /// A token as readable text: what its bytes say, with U+FFFD for parts of characters. Empty for unknown ids.
    public func token(_ id: Int32) -> String {
        bytes(of: id).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// The bytes that the ids of a byte-level model stand for, exactly; for other models, which do not keep the text, the text
    /// that the decoder of tokenizer.json makes of them. Ids that the vocabulary lacks stand for nothing.
    ///
    /// - Parameter skippingSpecialTokens: leaves out `[CLS]`, `[SEP]` and the like.
    public func decode(_ ids: some Sequence<Int32>, skippingSpecialTokens: Bool = false) -> [UInt8] {
        let kept = ids.lazy.filter { !(skippingSpecialTokens && self.addedTokens.isSpecial($0)) }
        guard let decoder else { return Array(kept.compactMap { self.bytes(of: $0) }.joined()) }
        return decoder.text(kept.compactMap { self.addedTokens.normalizedContent(of: $0) ?? self.bytes(of: $0) })
    }

    /// Appends the ids of one text. Never fails: bytes outside UTF-8 are encoded as they are by a byte-level model, and taken
    /// for U+FFFD by others.
    ///
    /// - Parameter parsing: which added tokens to look for in the text; special ones are text unless `.all`.
    public func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, into ids: inout [Int32], parsing: AddedTokenParsing = .ordinary
    ) {
        TokenizerEncoder(self, cacheEntries: 64).encode(bytes, into: &ids, parsing: parsing)
    }

    /// The ids of one text given as bytes.
    public func encode(_ bytes: [UInt8], parsing: AddedTokenParsing = .ordinary) -> [Int32] {
        var ids: [Int32] = []
        bytes.withUnsafeBufferPointer { encode($0, into: &ids, parsing: parsing) }
        return ids
    }

    /// The ids of one text.
    public func encode(_ text: String, parsing: AddedTokenParsing = .ordinary) -> [Int32] {
        encode(Array(text.utf8), parsing: parsing)
    }

    /// The ids wrapped as the tokenizer's post-processor wraps a single text: `[CLS] ids [SEP]` for one trained here.
    public func addingSpecialTokens(_ ids: [Int32]) -> [Int32] {
        specialTokenPrefix + ids + specialTokenSuffix
    }

    /// What the post-processor puts before a single text.
    public var specialTokenPrefix: [Int32] { postProcessor.prefix }

    /// What the post-processor puts after a single text.
    public var specialTokenSuffix: [Int32] { postProcessor.suffix }

    /// The tokenizer.json: for a loaded tokenizer the bytes that it was read from, so nothing is lost.
    public func serialized() -> [UInt8] { json }
}
