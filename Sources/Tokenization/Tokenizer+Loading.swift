extension Tokenizer {
    /// Reads the text of a Hugging Face `tokenizer.json` of any kind (see `Kind`).
    ///
    /// - Throws: `TokenizerError`: it is not JSON, contradicts itself, or asks for another kind of tokenizer.
    public convenience init(json: [UInt8]) throws(TokenizerError) {
        // A byte order mark, as some editors leave it, is not JSON.
        let text = json.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(json.dropFirst(3)) : json
        let parsed: Result<JSONValue, TokenizerError> = text.withUnsafeBufferPointer { bytes in
            Result { () throws(TokenizerError) in try JSONReader.read(bytes) }
        }
        let root = try JSONComponent("the file", try parsed.get())
        guard let modelValue = root.optional("model") else {
            throw .invalid(component: "the file", problem: "`model` is missing")
        }
        let model = try TokenModel(modelValue, preTokenizer: root.optional("pre_tokenizer"))
        let normalizer = try root.optional("normalizer").map { json throws(TokenizerError) in try Normalizer(json) }
        let decoder = model.kind == .byteLevelBPE ? nil : try TokenDecoder(root.optional("decoder"))
        let added = try Self.readAddedTokens(root, model)
        self.init(
            model: model, normalizer: normalizer, decoder: decoder,
            postProcessor: try PostProcessor(root.optional("post_processor")),
            addedTokens: AddedVocabulary(added, normalizer: normalizer), json: json)
    }

    /// Reads `added_tokens`. Their ids are those that `tokenizers` gives: the model's own where its vocabulary has the
    /// content, and otherwise the next free one, whatever the file says.
    private static func readAddedTokens(
        _ root: JSONComponent, _ model: TokenModel
    ) throws(TokenizerError) -> [AddedToken] {
        guard root.optional("added_tokens") != nil else { return [] }
        var tokens: [AddedToken] = []
        var seen: [Int32: String] = [:]
        var contents: Set<[UInt8]> = []
        var highest: Int32?
        let ids = model.ids
        for value in try root.array("added_tokens") {
            let entry = try JSONComponent("added_tokens", value)
            let content = try entry.string("content")
            guard let number = entry.optional("id") else {
                throw .invalid(component: "added_tokens", problem: "\(content) has no id")
            }
            var token = AddedToken(
                id: try VocabularyReading.id(number, of: Array(content.utf8), "added_tokens"), content: content,
                singleWord: try entry.bool("single_word", default: false),
                stripsLeft: try entry.bool("lstrip", default: false),
                stripsRight: try entry.bool("rstrip", default: false),
                normalized: try entry.bool("normalized", default: true),
                special: try entry.bool("special", default: false))
            if let other = seen.updateValue(content, forKey: token.id), Array(other.utf8) != Array(content.utf8) {
                throw .invalid(
                    component: "added_tokens", problem: "\(other) and \(content) share the id \(token.id)")
            }
            guard !content.isEmpty, contents.insert(Array(content.utf8)).inserted else { continue }
            let size = Int32(model.count)
            token.id = ids[Array(content.utf8)] ?? max(highest.map { $0 + 1 } ?? size, size)
            highest = max(highest ?? token.id, token.id)
            tokens.append(token)
        }
        return tokens
    }
}
