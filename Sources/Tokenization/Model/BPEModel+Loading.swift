extension BPEModel {
    /// Reads the `model` of a tokenizer.json that holds a byte-level BPE.
    ///
    /// - Throws: `TokenizerError`, for what is malformed or unsupported.
    init(_ component: JSONComponent) throws(TokenizerError) {
        if let dropout = component.optional("dropout"), dropout != .integer(0), dropout != .number(0) {
            throw .unsupported(component: "model", problem: "`dropout` makes the ids random; set it to null")
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let affix = component.optional(key), affix.bytes != [] {
                throw .unsupported(component: "model", problem: "`\(key)` of a BPE is not empty")
            }
        }
        let ids = try VocabularyReading.ids(component)
        let merges = try Self.readMerges(component, ids)
        var unknown: Int32?
        if component.optional("unk_token") != nil {
            let content = try component.string("unk_token")
            unknown = ids[Array(content.utf8)]
        }
        self.init(
            ids: ids, merges: merges, unknown: unknown, fusesUnknown: try component.bool("fuse_unk", default: false),
            ignoresMerges: try component.bool("ignore_merges", default: false))
        if try component.bool("byte_fallback", default: false), byteSymbols.contains(-1) {
            throw .unsupported(component: "model", problem: "a BPE with `byte_fallback` instead of byte symbols")
        }
    }

    private static func readMerges(
        _ component: JSONComponent, _ ids: [[UInt8]: Int32]
    ) throws(TokenizerError) -> [(left: Int32, right: Int32, symbol: Int32)] {
        let listed = try component.array("merges")
        var merges: [(left: Int32, right: Int32, symbol: Int32)] = []
        merges.reserveCapacity(listed.count)
        for (index, value) in listed.enumerated() {
            let pair: [[UInt8]]
            switch value {
            case .string(let text):
                pair = text.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map(Array.init)
            case .array(let values): pair = values.compactMap(\.bytes)
            default: pair = []
            }
            guard pair.count == 2 else {
                throw .invalid(component: "model.merges", problem: "entry \(index) is not a pair of tokens")
            }
            for token in [pair[0], pair[1], pair[0] + pair[1]] where ids[token] == nil {
                throw .invalid(
                    component: "model.merges",
                    problem: "entry \(index) needs \(VocabularyReading.shown(token)), which `vocab` lacks")
            }
            guard let left = ids[pair[0]], let right = ids[pair[1]], let symbol = ids[pair[0] + pair[1]] else {
                continue
            }
            merges.append((left, right, symbol))
        }
        return merges
    }
}
