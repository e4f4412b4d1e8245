import Files
import Foundation

extension ByteLevelBPE {
    /// Ids above this are refused: a table of them would not fit a model.
    private static let highestID = 1 << 24

    /// Reads a Hugging Face `tokenizer.json` that holds a byte-level BPE.
    ///
    /// - Throws: `TokenizerError.file` when the file cannot be read; `.inFile` when it is not JSON, contradicts itself,
    ///   or asks for another kind of tokenizer.
    public convenience init(contentsOf path: String) throws(TokenizerError) {
        let json = try FileBytes.read(HomeFolder.expanded(path))
        do throws(TokenizerError) {
            try self.init(json: json)
        } catch {
            throw .inFile(path: path, error)
        }
    }

    /// Reads the text of a Hugging Face `tokenizer.json`.
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
        let model = try Self.readModel(try JSONComponent("model", modelValue))
        let normalizer = try root.optional("normalizer").map { json throws(TokenizerError) in try Normalizer(json) }
        let preTokenizer = try PreTokenizer(root.optional("pre_tokenizer"))
        let added = try Self.readAddedTokens(root, model)
        self.init(
            model: model, normalizer: normalizer, preTokenizer: preTokenizer,
            postProcessor: try PostProcessor(root.optional("post_processor")),
            addedTokens: AddedVocabulary(added, normalizer: normalizer), json: json)
    }

    private static func readModel(_ component: JSONComponent) throws(TokenizerError) -> BPEModel {
        if let type = component.optional("type"), type.text != "BPE" {
            throw .unsupported(component: "model", problem: "type \(type.text ?? type.kind)")
        }
        if let dropout = component.optional("dropout"), dropout != .integer(0), dropout != .number(0) {
            throw .unsupported(component: "model", problem: "`dropout` makes the ids random; set it to null")
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let affix = component.optional(key), affix.bytes != [] {
                throw .unsupported(component: "model", problem: "`\(key)` is not empty")
            }
        }
        let ids = try readVocabulary(component)
        let merges = try readMerges(component, ids)
        var unknown: Int32?
        if component.optional("unk_token") != nil {
            let content = try component.string("unk_token")
            unknown = ids[Array(content.utf8)]
        }
        let model = BPEModel(
            ids: ids, merges: merges, unknown: unknown, fusesUnknown: try component.bool("fuse_unk", default: false),
            ignoresMerges: try component.bool("ignore_merges", default: false))
        if try component.bool("byte_fallback", default: false), model.byteSymbols.contains(-1) {
            throw .unsupported(component: "model", problem: "`byte_fallback` instead of byte symbols")
        }
        return model
    }

    private static func readVocabulary(_ component: JSONComponent) throws(TokenizerError) -> [[UInt8]: Int32] {
        guard let members = component.optional("vocab")?.members else {
            throw .invalid(component: "model", problem: "`vocab` must be an object from token to id")
        }
        guard !members.isEmpty else { throw .invalid(component: "model", problem: "`vocab` is empty") }
        var ids: [[UInt8]: Int32] = [:]
        ids.reserveCapacity(members.count)
        for member in members {
            ids[member.key] = try id(member.value, of: member.key, "model.vocab")
        }
        var owners: [Int32: [UInt8]] = [:]
        owners.reserveCapacity(ids.count)
        for (token, id) in ids {
            if let other = owners.updateValue(token, forKey: id) {
                let names = [shown(token), shown(other)].sorted()
                throw .invalid(component: "model.vocab", problem: "\(names[0]) and \(names[1]) share the id \(id)")
            }
        }
        return ids
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
                    component: "model.merges", problem: "entry \(index) needs \(shown(token)), which `vocab` lacks")
            }
            guard let left = ids[pair[0]], let right = ids[pair[1]], let symbol = ids[pair[0] + pair[1]] else {
                continue
            }
            merges.append((left, right, symbol))
        }
        return merges
    }

    /// Reads `added_tokens`. Their ids are those that `tokenizers` gives: the model's own where its vocabulary has the
    /// content, and otherwise the next free one, whatever the file says.
    private static func readAddedTokens(
        _ root: JSONComponent, _ model: BPEModel
    ) throws(TokenizerError) -> [AddedToken] {
        guard root.optional("added_tokens") != nil else { return [] }
        var tokens: [AddedToken] = []
        var seen: [Int32: String] = [:]
        var contents: Set<[UInt8]> = []
        var highest: Int32?
        for value in try root.array("added_tokens") {
            let entry = try JSONComponent("added_tokens", value)
            let content = try entry.string("content")
            guard let number = entry.optional("id") else {
                throw .invalid(component: "added_tokens", problem: "\(content) has no id")
            }
            var token = AddedToken(
                id: try id(number, of: Array(content.utf8), "added_tokens"), content: content,
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
            let size = Int32(model.ids.count)
            token.id = model.ids[Array(content.utf8)] ?? max(highest.map { $0 + 1 } ?? size, size)
            highest = max(highest ?? token.id, token.id)
            tokens.append(token)
        }
        return tokens
    }

    private static func id(
        _ value: JSONValue, of token: [UInt8], _ component: String
    ) throws(TokenizerError) -> Int32 {
        guard let number = value.integer else {
            throw .invalid(
                component: component, problem: "the id of \(shown(token)) must be a whole number, found \(value.kind)")
        }
        guard (0...highestID).contains(number) else {
            throw .invalid(component: component, problem: "the id \(number) of \(shown(token)) is out of range")
        }
        return Int32(number)
    }

    private static func shown(_ token: [UInt8]) -> String { "`\(String(decoding: token.prefix(60), as: UTF8.self))`" }
}
