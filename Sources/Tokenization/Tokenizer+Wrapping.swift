extension Tokenizer {
    /// A tokenizer.json that wraps a single text as `[CLS] text [SEP]`, and a pair as `[CLS] a [SEP] b [SEP]`, which is what
    /// a model is trained with, whatever the tokenizer's own post-processor does.
    ///
    /// - Returns: the very bytes of `serialized` where they do so already.
    /// - Throws: `TokenizerError` if the result does not encode as it should.
    public func serialized(wrapping special: SpecialTokens) throws(TokenizerError) -> [UInt8] {
        if wraps(special) { return serialized() }
        func name(_ id: Int32) -> String { addedTokenList.first { $0.id == id }?.content ?? token(id) }
        func quoted(_ text: String) -> String { JSONText.quoted(text) }
        func piece(_ id: Int32, _ type: Int) -> String {
            "{\"SpecialToken\": {\"id\": \(quoted(name(id))), \"type_id\": \(type)}}"
        }
        func listed(_ id: Int32) -> String {
            let text = quoted(name(id))
            return "\(text): {\"id\": \(text), \"ids\": [\(id)], \"tokens\": [\(text)]}"
        }
        let (first, last) = (special.classification, special.separator)
        func sequence(_ name: String, _ type: Int) -> String {
            "{\"Sequence\": {\"id\": \"\(name)\", \"type_id\": \(type)}}"
        }
        let single = [piece(first, 0), sequence("A", 0), piece(last, 0)]
        let pair = single + [sequence("B", 1), piece(last, 1)]
        let template = """
            {"type": "TemplateProcessing", "single": [\(single.joined(separator: ", "))], \
            "pair": [\(pair.joined(separator: ", "))], "special_tokens": {\(listed(first)), \(listed(last))}}
            """
        let json = JSONMember.replacing("post_processor", in: serialized(), with: template)
        let result = try Tokenizer(json: json)
        guard result.wraps(special), result.encode(Self.sample) == encode(Self.sample) else {
            throw .invalid(
                component: "post_processor",
                problem: "it could not be replaced by [CLS] text [SEP] and [CLS] a [SEP] b [SEP]")
        }
        return json
    }

    private func wraps(_ special: SpecialTokens) -> Bool {
        specialTokenPrefix == [special.classification] && specialTokenSuffix == [special.separator]
            && postProcessor.wrapsPairs(special.classification, special.separator)
    }

    /// Letters of several scripts, combining marks, digits, spaces and symbols.
    private static let sample =
        "The 3 quick-brown foxes' café – naïve\u{301}, Ünï\u{308}cödé.\n\tДобрый день! 東京 नमस्ते مرحبا 🙂  x²≥0"
}
