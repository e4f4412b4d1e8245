import Foundation

/// Names of the special tokens, as they stand in `tokenizer.json`.
public struct SpecialTokenNames: Sendable, Equatable {
    public var padding: String
    public var unknown: String
    public var classification: String
    public var separator: String
    public var mask: String

    public init(
        padding: String = "[PAD]", unknown: String = "[UNK]", classification: String = "[CLS]",
        separator: String = "[SEP]", mask: String = "[MASK]"
    ) {
        self.padding = padding
        self.unknown = unknown
        self.classification = classification
        self.separator = separator
        self.mask = mask
    }

    var all: [String] { [padding, unknown, classification, separator, mask] }
}

/// The files that make Hugging Face's `AutoTokenizer` load a `tokenizer.json` as it is.
struct TokenizerFiles {
    /// File name and contents.
    let files: [(name: String, contents: Data)]
    let paddingID: Int

    /// - Parameter maximumLength: Longest sequence in tokens that the model takes.
    /// - Throws: `ExportError` if the tokenizer lacks a special token or has ids that the model has no row for.
    init(tokenizer: Data, names: SpecialTokenNames, vocabularySize: Int, maximumLength: Int) throws {
        guard let root = try? JSONSerialization.jsonObject(with: tokenizer) as? [String: Any],
            let model = root["model"] as? [String: Any]
        else { throw ExportError.malformedTokenizer("it is not a JSON object with a model in it") }
        let largestToken: Int?
        switch model["vocab"] {
        case let vocabulary as [String: Int]: largestToken = vocabulary.values.max()
        // Unigram: tokens and scores in the order of their ids.
        case let vocabulary as [[Any]] where !vocabulary.isEmpty: largestToken = vocabulary.count - 1
        default: throw ExportError.malformedTokenizer("its model has no vocabulary of tokens and ids")
        }
        var ids: [String: Int] = [:]
        for token in root["added_tokens"] as? [[String: Any]] ?? [] {
            guard let content = token["content"] as? String, let id = token["id"] as? Int else {
                throw ExportError.malformedTokenizer("an added token lacks its content or its id")
            }
            ids[content] = id
        }
        // A special token that is only in the vocabulary would be torn apart when it occurs in text.
        let missing = names.all.filter { ids[$0] == nil }
        guard missing.isEmpty, let paddingID = ids[names.padding] else {
            throw ExportError.missingSpecialTokens(missing)
        }
        if let largest = [largestToken, ids.values.max()].compactMap({ $0 }).max(), largest >= vocabularySize {
            throw ExportError.tokenizerTooLarge(largestID: largest, vocabularySize: vocabularySize)
        }
        self.paddingID = paddingID

        let special = [
            "pad_token": names.padding, "unk_token": names.unknown, "cls_token": names.classification,
            "sep_token": names.separator, "mask_token": names.mask,
        ]
        let settings: [String: Any] = [
            // The class that takes a tokenizer.json of any kind as it is. Without it, "model_type": "electra" makes
            // AutoTokenizer take a lower-casing WordPiece tokenizer instead, without a word.
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": maximumLength,
            // Otherwise decoding removes spaces before punctuation, and is no longer exact.
            "clean_up_tokenization_spaces": false,
            "padding_side": "right",
            "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        ]
        files = [
            ("tokenizer.json", tokenizer),
            ("tokenizer_config.json", try Self.json(settings.merging(special) { $1 })),
            ("special_tokens_map.json", try Self.json(special)),
        ]
    }

    private static func json(_ object: [String: Any]) throws -> Data {
        let options: JSONSerialization.WritingOptions = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try JSONSerialization.data(withJSONObject: object, options: options) + Data("\n".utf8)
    }
}
