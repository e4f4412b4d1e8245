import Files

extension Tokenizer {
    /// Writes the tokenizer.json, replacing an existing file in one step.
    ///
    /// - Throws: `TokenizerError.file`.
    public func save(to path: String) throws { try OutputFile(checking: path).write(serialized()) }

    /// A tokenizer of GPT-2's form from its merges: the five special tokens, the byte symbols, one token per merge.
    ///
    /// - Parameter merges: pairs of ids in order of rank and the id each becomes, as `BPETrainer` finds them.
    /// - Parameter tokens: raw bytes of every id from 5 on.
    /// - Parameter options: what they were learned with.
    convenience init(
        trainedTokens tokens: [[UInt8]], merges: [(left: Int32, right: Int32, symbol: Int32)],
        options: TokenizerTrainingOptions = .init()
    ) {
        let specials = SpecialTokens.contents
        let written = specials.map { Array($0.utf8) } + tokens.map { ByteAlphabet.written($0) }
        var ids: [[UInt8]: Int32] = [:]
        ids.reserveCapacity(written.count)
        for (id, token) in written.enumerated() { ids[token] = Int32(id) }
        let added = specials.enumerated().map { AddedToken(id: Int32($0), content: $1, special: true) }
        self.init(
            model: .byteLevelBPE(BPEModel(ids: ids, merges: merges), options.preTokenizer),
            normalizer: options.normalizer, postProcessor: PostProcessor(2, 3),
            addedTokens: AddedVocabulary(added, normalizer: options.normalizer),
            json: Self.tokenizerJSON(written, merges, options))
    }

    /// The tokenizer.json of a tokenizer trained here, laid out one token and one merge per line.
    private static func tokenizerJSON(
        _ written: [[UInt8]], _ merges: [(left: Int32, right: Int32, symbol: Int32)],
        _ options: TokenizerTrainingOptions
    ) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(written.count * 80)
        func add(_ text: String) { output.append(contentsOf: text.utf8) }
        let byteLevel = TokenizerTrainingOptions.byteLevelJSON(usesPattern: true)
        add("{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": [\n")
        for (id, content) in SpecialTokens.contents.enumerated() {
            add("    {\"id\": \(id), \"content\": \"\(content)\", \"single_word\": false, \"lstrip\": false, ")
            add("\"rstrip\": false, \"normalized\": false, \"special\": true}")
            add(id + 1 < SpecialTokens.contents.count ? ",\n" : "\n")
        }
        add("  ],\n  \"normalizer\": \(options.normalizerJSON),\n  \"pre_tokenizer\": \(options.preTokenizerJSON),\n")
        add(template)
        add("  \"decoder\": \(byteLevel),\n")
        add("  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": null,\n")
        add("    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n    \"fuse_unk\": false,\n")
        add("    \"byte_fallback\": false,\n    \"ignore_merges\": false,\n    \"vocab\": {\n")
        for (id, token) in written.enumerated() {
            add("      ")
            JSONText.append(token, to: &output)
            add(": \(id)")
            add(id + 1 < written.count ? ",\n" : "\n")
        }
        add("    },\n    \"merges\": [\n")
        for (index, merge) in merges.enumerated() {
            add("      [")
            JSONText.append(written[Int(merge.left)], to: &output)
            add(", ")
            JSONText.append(written[Int(merge.right)], to: &output)
            add(index + 1 < merges.count ? "],\n" : "]\n")
        }
        add("    ]\n  }\n}\n")
        return output
    }

    /// `[CLS] A [SEP]`, and `[CLS] A [SEP] B [SEP]` with type 1 for the second text.
    private static let template = """
          "post_processor": {
            "type": "TemplateProcessing",
            "single": [
              {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
              {"Sequence": {"id": "A", "type_id": 0}},
              {"SpecialToken": {"id": "[SEP]", "type_id": 0}}
            ],
            "pair": [
              {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
              {"Sequence": {"id": "A", "type_id": 0}},
              {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
              {"Sequence": {"id": "B", "type_id": 1}},
              {"SpecialToken": {"id": "[SEP]", "type_id": 1}}
            ],
            "special_tokens": {
              "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
              "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}
            }
          },

        """
}
