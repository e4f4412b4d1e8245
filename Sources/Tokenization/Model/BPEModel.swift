/// The BPE model itself: what turns the bytes of one pre-token into ids.
struct BPEModel: Sendable {
    /// Tokens as tokenizer.json writes them.
    let ids: [[UInt8]: Int32]
    let merges: MergeTable
    /// The id of each byte's symbol; -1 where the vocabulary lacks it.
    let byteSymbols: [Int32]
    /// What stands for bytes without a symbol; nil drops them, as `tokenizers` does.
    let unknown: Int32?
    /// Neighbouring bytes without a symbol share one unknown token.
    let fusesUnknown: Bool
    /// Pre-tokens that are in the vocabulary skip the merges.
    let ignoresMerges: Bool
    /// Raw bytes → id, for `ignoresMerges`.
    let wholeWords: [[UInt8]: Int32]

    init(
        ids: [[UInt8]: Int32], merges: [(left: Int32, right: Int32, symbol: Int32)], unknown: Int32? = nil,
        fusesUnknown: Bool = false, ignoresMerges: Bool = false
    ) {
        self.ids = ids
        self.merges = MergeTable(merges)
        byteSymbols = (0...255).map { ids[ByteAlphabet.written(CollectionOfOne($0))] ?? -1 }
        self.unknown = unknown
        self.fusesUnknown = fusesUnknown
        self.ignoresMerges = ignoresMerges
        var words: [[UInt8]: Int32] = [:]
        if ignoresMerges {
            words.reserveCapacity(ids.count)
            for (token, id) in ids {
                let bytes = ByteAlphabet.read(token)
                if ByteAlphabet.written(bytes) == token { words[bytes] = id }
            }
        }
        wholeWords = words
    }
}
