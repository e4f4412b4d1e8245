/// A `vocab.txt` of BERT, a token a line, and the tokenizer.json that means the same.
struct WordPieceVocabulary {
    /// Of tokens that occur twice the last line's number, as in `tokenizers`.
    private let tokens: [[UInt8]]
    private let settings: JSONComponent?

    /// - Parameter configuration: the `tokenizer_config.json` beside it.
    /// - Throws: `TokenizerError`, for what is not UTF-8, empty, or no configuration.
    init(_ text: [UInt8], configuration: [UInt8]?) throws(TokenizerError) {
        guard text.withUnsafeBytes({ UTF8Repair.firstInvalid($0) }) == nil else {
            throw .invalid(component: "vocab.txt", problem: "it is not UTF-8")
        }
        var lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
            Array($0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0)
        }
        if lines.last?.isEmpty ?? false { lines.removeLast() }
        guard !lines.isEmpty else { throw .invalid(component: "vocab.txt", problem: "it is empty") }
        tokens = lines
        guard let configuration else {
            settings = nil
            return
        }
        let parsed: Result<JSONValue, TokenizerError> = configuration.withUnsafeBufferPointer { bytes in
            Result { () throws(TokenizerError) in try JSONReader.read(bytes) }
        }
        settings = try JSONComponent("tokenizer_config.json", try parsed.get())
        try checkKind()
    }

    /// Classes of transformers that read a vocab.txt as `BertTokenizer` does; of each there is one with `Fast` behind it.
    private static let classes: Set<String> = [
        "BertTokenizer", "ElectraTokenizer", "DistilBertTokenizer", "MobileBertTokenizer", "ConvBertTokenizer",
        "SqueezeBertTokenizer", "LayoutLMTokenizer", "LxmertTokenizer", "FunnelTokenizer", "RetriBertTokenizer",
        "RealmTokenizer", "DPRQuestionEncoderTokenizer", "DPRContextEncoderTokenizer", "DPRReaderTokenizer",
        "PreTrainedTokenizer",
    ]

    /// - Throws: `TokenizerError.unsupported` where words are found otherwise than BERT finds them: the pieces of other words would
    ///   mostly be in the vocabulary, and nothing would tell.
    private func checkKind() throws(TokenizerError) {
        func refuse(_ key: String, _ value: String) -> TokenizerError {
            .unsupported(
                component: "vocab.txt",
                problem:
                    "tokenizer_config.json has \(key): \(value), which finds words otherwise than BERT; only a tokenizer.json "
                    + "tells how (AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER) writes one, where there can be one)"
            )
        }
        for (key, usual) in [("word_tokenizer_type", "basic"), ("subword_tokenizer_type", "wordpiece")] {
            if let value = settings?.optional(key)?.text, value != usual { throw refuse(key, value) }
        }
        for key in ["do_basic_tokenize", "do_word_tokenize"] {
            if try settings?.bool(key, default: true) == false { throw refuse(key, "false") }
        }
        if let name = settings?.optional("tokenizer_class")?.text,
            !Self.classes.contains(name.hasSuffix("Fast") ? String(name.dropLast(4)) : name)
        {
            throw refuse("tokenizer_class", name)
        }
    }

    /// The tokenizer.json, as `BertTokenizer` of transformers would set it up.
    var json: [UInt8] {
        get throws(TokenizerError) {
            var ids: [[UInt8]: Int] = [:]
            for (id, token) in tokens.enumerated() { ids[token] = id }
            let lowercases =
                settings?.optional("do_lower_case") == nil
                ? !hasCapitals : try settings?.bool("do_lower_case", default: true) ?? true
            let chinese = try settings?.bool("tokenize_chinese_chars", default: true) ?? true
            var accents = "null"
            if let settings, settings.optional("strip_accents") != nil {
                accents = "\(try settings.bool("strip_accents", default: lowercases))"
            }
            let names = SpecialTokens.contents.enumerated().map { name(Self.roles[$0], default: $1) }
            var output: [UInt8] = []
            func add(_ text: String) { output.append(contentsOf: text.utf8) }
            add(#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": ["#)
            let special = names.compactMap { name in ids[Array(name.utf8)].map { (name, $0) } }
            let unique = Dictionary(special, uniquingKeysWith: { first, _ in first }).sorted { $0.value < $1.value }
            add(
                unique.map {
                    #"{"id": \#($0.value), "content": \#(JSONText.quoted($0.key)), "single_word": false, "lstrip": false, "#
                        + #""rstrip": false, "normalized": false, "special": true}"#
                }.joined(separator: ", "))
            add("], \"normalizer\": {\"type\": \"BertNormalizer\", \"clean_text\": true, ")
            add("\"handle_chinese_chars\": \(chinese), \"strip_accents\": \(accents), \"lowercase\": \(lowercases)}, ")
            add("\"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, \"post_processor\": \(template(names, ids)), ")
            add("\"decoder\": {\"type\": \"WordPiece\", \"prefix\": \"##\", \"cleanup\": true}, \"model\": {\"type\": ")
            add("\"WordPiece\", \"unk_token\": \(JSONText.quoted(names[1])), \"continuing_subword_prefix\": \"##\", ")
            add("\"max_input_chars_per_word\": 100, \"vocab\": {")
            for (index, entry) in ids.sorted(by: { $0.value < $1.value }).enumerated() {
                add(index == 0 ? "" : ", ")
                JSONText.append(entry.key, to: &output)
                add(": \(entry.value)")
            }
            add("}}}")
            return output
        }
    }

    /// Of `SpecialTokens.contents`, in `tokenizer_config.json`.
    private static let roles = ["pad_token", "unk_token", "cls_token", "sep_token", "mask_token"]

    private func name(_ key: String, default standard: String) -> String {
        guard let value = settings?.optional(key) else { return standard }
        return value.text ?? value["content"]?.text ?? standard
    }

    /// Whether there are words with capital letters, which a vocabulary of small letters has no use for. Tells where nothing
    /// else does, since BERT's first releases said it in the folder's name alone.
    private var hasCapitals: Bool {
        tokens.contains { token in
            token.first != UInt8(ascii: "[") && token.first != UInt8(ascii: "<")
                && token.contains { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
        }
    }

    private func template(_ names: [String], _ ids: [[UInt8]: Int]) -> String {
        let (first, last) = (names[2], names[3])
        guard let firstID = ids[Array(first.utf8)], let lastID = ids[Array(last.utf8)] else { return "null" }
        func piece(_ name: String, _ type: Int) -> String {
            #"{"SpecialToken": {"id": \#(JSONText.quoted(name)), "type_id": \#(type)}}"#
        }
        func listed(_ name: String, _ id: Int) -> String {
            let text = JSONText.quoted(name)
            return #"\#(text): {"id": \#(text), "ids": [\#(id)], "tokens": [\#(text)]}"#
        }
        let single = [piece(first, 0), #"{"Sequence": {"id": "A", "type_id": 0}}"#, piece(last, 0)]
        let pair = single + [#"{"Sequence": {"id": "B", "type_id": 1}}"#, piece(last, 1)]
        return #"{"type": "TemplateProcessing", "single": [\#(single.joined(separator: ", "))], "#
            + #""pair": [\#(pair.joined(separator: ", "))], "#
            + #""special_tokens": {\#(listed(first, firstID)), \#(listed(last, lastID))}}"#
    }
}
