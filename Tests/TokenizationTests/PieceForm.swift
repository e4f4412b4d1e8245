import Foundation
import Tokenization

/// One form of a WordPiece or a Unigram, and what the `tokenizers` library makes of the texts with it; made by
/// Tools/generate_piece_fixtures.py.
struct PieceForm: CustomStringConvertible, Sendable {
    let name: String
    let json: [UInt8]
    /// Of ids and offsets, for each text; without special tokens and with them.
    let ordinary: [String]
    let all: [String]
    let decoded: String
    let wrapped: [Int32]
    let first: TextOffsets
    let scalars: String?

    struct TextOffsets: Equatable {
        var ids: [Int32]
        /// Start and end of each token in characters.
        var offsets: [Int32]
    }

    var description: String { name }

    func tokenizer() throws -> Tokenizer { try Tokenizer(json: json) }

    static func texts() throws -> [[UInt8]] {
        let further = try JSONDecoder().decode([String].self, from: Fixtures.data("piece-texts.json"))
        return try Fixtures.texts() + further.compactMap { Data(base64Encoded: $0).map(Array.init) }
    }

    static func read() throws -> [PieceForm] {
        let models = try Fixtures.object("piece-models.json") as? [String: [String: Any]] ?? [:]
        let file = try Fixtures.object("piece-forms.json") as? [String: Any] ?? [:]
        return try (file["forms"] as? [[String: Any]] ?? []).map { entry in
            let form = entry["form"] as? [String: Any] ?? [:]
            let first = entry["first"] as? [[Int]] ?? [[], []]
            let json = try JSONSerialization.data(withJSONObject: assemble(models, form, file["compiled"]))
            return PieceForm(
                name: entry["name"] as? String ?? "", json: Array(json), ordinary: digests(entry["ordinary"]),
                all: digests(entry["all"]), decoded: entry["decoded"] as? String ?? "",
                wrapped: (entry["wrapped"] as? [Int] ?? []).map(Int32.init),
                first: TextOffsets(ids: first[0].map(Int32.init), offsets: first[1].map(Int32.init)),
                scalars: entry["scalars"] as? String)
        }
    }

    private static func digests(_ value: Any?) -> [String] {
        let text = Array((value as? String ?? "").utf8)
        return stride(from: 0, to: text.count, by: 8).map { String(decoding: text[$0..<($0 + 8)], as: UTF8.self) }
    }

    /// The tokenizer.json of a form, as `assemble` of the generating script makes it.
    private static func assemble(
        _ models: [String: [String: Any]], _ form: [String: Any], _ compiled: Any?
    ) -> [String: Any] {
        let use = form["use"] as? String ?? ""
        let changes = form["model"] as? [String: Any] ?? [:]
        var model = (models[use.hasPrefix("unigram") ? "unigram" : use] ?? [:]).merging(changes) { $1 }
        if let prefix = changes["continuing_subword_prefix"] as? String,
            let vocabulary = model["vocab"] as? [String: Int]
        {
            // The rest of a token that the other prefix marks may be a token already.
            var changed: [String: Int] = [:]
            for (token, id) in vocabulary.sorted(by: { $0.value < $1.value }) {
                // A mark may follow the prefix, and would be one character with it.
                let isMarked = token.utf8.starts(with: "##".utf8)
                let new = isMarked ? prefix + String(token.unicodeScalars.dropFirst(2)) : token
                if changed[new] == nil { changed[new] = id }
            }
            model["vocab"] = changed
        }
        if use.hasSuffix("bytes"), let vocabulary = model["vocab"] as? [Any] {
            let bytes = (0..<(use == "unigram-bytes" ? 256 : 200)).map { byte -> [Any] in
                ["<0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))>", -20]
            }
            model["vocab"] = vocabulary + bytes
        }
        return [
            "version": "1.0", "truncation": NSNull(), "padding": NSNull(), "added_tokens": form["added_tokens"] ?? [],
            "normalizer": filled(form["normalizer"], compiled), "pre_tokenizer": form["pre_tokenizer"] ?? NSNull(),
            "post_processor": form["post_processor"] ?? NSNull(), "decoder": form["decoder"] ?? NSNull(),
            "model": model,
        ]
    }

    /// Puts the map in where it was left out.
    private static func filled(_ normalizer: Any?, _ compiled: Any?) -> Any {
        if normalizer as? String == "compiled" { return compiled ?? NSNull() }
        guard var object = normalizer as? [String: Any], let parts = object["normalizers"] as? [Any] else {
            return normalizer ?? NSNull()
        }
        object["normalizers"] = parts.map { filled($0, compiled) }
        return object
    }
}

extension TextTokens {
    /// Ids, and start and end of each token in characters of the text, as the library counts them.
    func offsets(in text: [UInt8]) -> PieceForm.TextOffsets {
        var characters = [Int32](repeating: 0, count: text.count + 1)
        var count: Int32 = -1
        for (index, byte) in text.enumerated() {
            if byte & 0xC0 != 0x80 { count += 1 }
            characters[index] = count
        }
        characters[text.count] = count + 1
        return PieceForm.TextOffsets(
            ids: ids, offsets: ranges.flatMap { [characters[$0.lowerBound], characters[$0.upperBound]] })
    }
}
