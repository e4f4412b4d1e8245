import Foundation
import Tokenization

/// The fixtures that Tools/generate_tokenizer_fixtures.py made with the `tokenizers` library.
///
/// TOKENIZATION_FIXTURES names another folder of them, for a run on many more random texts.
enum Fixtures {
    static let folder: URL = {
        if let path = ProcessInfo.processInfo.environment["TOKENIZATION_FIXTURES"] {
            return URL(fileURLWithPath: path, isDirectory: true)
        }
        return Bundle.module.bundleURL.appendingPathComponent("Fixtures", isDirectory: true)
    }()

    static func data(_ name: String) throws -> Data { try Data(contentsOf: folder.appendingPathComponent(name)) }

    static func object(_ name: String) throws -> Any { try JSONSerialization.jsonObject(with: data(name)) }

    static func texts() throws -> [[UInt8]] {
        let encoded = try JSONDecoder().decode([String].self, from: data("texts.json"))
        return encoded.compactMap { Data(base64Encoded: $0).map(Array.init) }
    }

    /// Each of the 1,112,064 scalars after an `a`.
    static func everyScalar() -> [UInt8] {
        var text = String.UnicodeScalarView()
        for code in UInt32(0)..<0x110000 {
            if let scalar = Unicode.Scalar(code) {
                text.append("a")
                text.append(scalar)
            }
        }
        return Array(String(text).utf8)
    }
}

/// 32-bit FNV-1a over the ids as little-endian 32-bit numbers.
func digest(_ ids: [Int32]) -> String {
    var value: UInt32 = 0x811C_9DC5
    for id in ids {
        for shift in [0, 8, 16, 24] as [Int32] {
            value = (value ^ UInt32(bitPattern: id >> shift) & 0xFF) &* 0x0100_0193
        }
    }
    let text = String(value, radix: 16)
    return String(repeating: "0", count: 8 - text.count) + text
}

/// One form of tokenizer.json and what the library makes of the texts with it.
struct Form: CustomStringConvertible, Sendable {
    let name: String
    let json: [UInt8]
    let ordinary: [String]
    let all: [String]?
    let wrapped: [Int32]?
    let scalars: String?
    let ids: [[Int32]]?

    var description: String { name }

    func tokenizer() throws -> Tokenizer { try Tokenizer(json: json) }

    static func read() throws -> [Form] {
        let model = try Fixtures.object("model.json") as? [String: Any] ?? [:]
        let entries = try Fixtures.object("forms.json") as? [[String: Any]] ?? []
        return try entries.map { entry in
            let form = entry["form"] as? [String: Any] ?? [:]
            let json = try JSONSerialization.data(withJSONObject: assemble(model, form))
            return Form(
                name: entry["name"] as? String ?? "", json: Array(json),
                ordinary: digests(entry["ordinary"]) ?? [], all: digests(entry["all"]),
                wrapped: (entry["wrapped"] as? [Int])?.map(Int32.init), scalars: entry["scalars"] as? String,
                ids: (entry["ids"] as? [[Int]])?.map { $0.map(Int32.init) })
        }
    }

    private static func digests(_ value: Any?) -> [String]? {
        guard let text = value as? String else { return nil }
        return stride(from: 0, to: text.count, by: 8).map {
            let start = text.index(text.startIndex, offsetBy: $0)
            return String(text[start..<text.index(start, offsetBy: 8)])
        }
    }

    static var byteLevel: [String: Any] {
        ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true]
    }

    /// The tokenizer.json of a form, as `assemble` of the generating script makes it.
    static func assemble(_ base: [String: Any], _ form: [String: Any]) -> [String: Any] {
        var model = base.merging(form["model"] as? [String: Any] ?? [:]) { $1 }
        var vocabulary = model["vocab"] as? [String: Int] ?? [:]
        var merges = model["merges"] as? [[String]] ?? []
        if form["drop_bytes"] != nil {
            let specials: Set = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
            let dropped = Set(vocabulary.filter { $0.key.count == 1 && $0.value % 3 == 0 }.keys.flatMap { $0 })
            let kept = vocabulary.filter { !$0.key.contains(where: dropped.contains) }
            merges.removeAll { kept[$0[0] + $0[1]] == nil }
            vocabulary = vocabulary.filter { kept[$0.key] != nil || specials.contains($0.key) }
        }
        model["vocab"] = vocabulary
        model["merges"] = form["merges_as_strings"] == nil ? merges : merges.map { $0.joined(separator: " ") }
        return [
            "version": "1.0", "truncation": NSNull(), "padding": NSNull(), "added_tokens": form["added_tokens"] ?? [],
            "normalizer": form["normalizer"] ?? NSNull(), "pre_tokenizer": form["pre_tokenizer"] ?? byteLevel,
            "post_processor": form["post_processor"] ?? NSNull(), "decoder": byteLevel, "model": model,
        ]
    }
}
