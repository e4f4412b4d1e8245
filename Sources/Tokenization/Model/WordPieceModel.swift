/// WordPiece: of each word the longest token that it begins with, then of the rest the longest that continues a word, and so
/// on; a word that has no such parts is unknown as a whole (Wu et al. 2016, arXiv 1609.08144; `WordPiece` of `tokenizers`).
struct WordPieceModel: Sendable {
    let ids: [[UInt8]: Int32]
    /// The id of a word that cannot be put together.
    let unknown: Int32
    /// What tokens begin with that continue a word, `##`.
    let continuingPrefix: [UInt8]
    /// Words of more scalars are unknown.
    let longestWord: Int
    private let trie: ByteTrie
    /// Where in the trie tokens go on that continue a word; nil where there are none.
    private let continuation: Int?

    /// Reads the `model` of a tokenizer.json.
    ///
    /// - Throws: `TokenizerError.invalid`.
    init(_ component: JSONComponent) throws(TokenizerError) {
        ids = try VocabularyReading.ids(component)
        let unknownToken = component.optional("unk_token") == nil ? "[UNK]" : try component.string("unk_token")
        guard let unknown = ids[Array(unknownToken.utf8)] else {
            throw .invalid(
                component: "model",
                problem: "`vocab` lacks the `unk_token` \(VocabularyReading.shown(Array(unknownToken.utf8)))")
        }
        self.unknown = unknown
        let prefix =
            component.optional("continuing_subword_prefix") == nil
            ? "##" : try component.string("continuing_subword_prefix")
        continuingPrefix = Array(prefix.utf8)
        longestWord = try component.count("max_input_chars_per_word", default: 100)
        trie = try ByteTrie(ids)
        continuation = trie.node(of: continuingPrefix)
    }

    /// Calls `emit` with the ids of a word and the bytes that each stands for.
    ///
    /// - Parameter word: UTF-8, not empty.
    func encode(_ word: UnsafeBufferPointer<UInt8>, into scratch: inout [PieceToken]) {
        let begin = scratch.count
        if word.count > longestWord, Self.scalarCount(word) > longestWord {
            scratch.append(PieceToken(id: unknown, start: 0, end: word.count))
            return
        }
        var start = 0
        while start < word.count {
            guard var node = start == 0 ? ByteTrie.root : continuation else { break }
            var found: (id: Int32, end: Int)?
            var position = start
            while position < word.count, let next = trie.child(of: node, word[position]) {
                node = next
                position &+= 1
                let token = trie.tokens[node]
                if token >= 0 { found = (token, position) }
            }
            guard let found else { break }
            scratch.append(PieceToken(id: found.id, start: start, end: found.end))
            start = found.end
        }
        if start < word.count {
            scratch.removeSubrange(begin...)
            scratch.append(PieceToken(id: unknown, start: 0, end: word.count))
        }
    }

    private static func scalarCount(_ text: UnsafeBufferPointer<UInt8>) -> Int {
        text.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 }
    }
}

/// A token of one piece of a text, and the bytes of the piece that it stands for.
struct PieceToken {
    var id: Int32
    var start: Int
    var end: Int
}
