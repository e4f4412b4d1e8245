/// How a trained tokenizer cuts and normalizes text, and how long its tokens may become.
///
/// Each choice is what `tokenizers` does with the same one in its tokenizer.json or its BpeTrainer. There is no limit of the
/// alphabet: the 256 byte symbols are the alphabet, and without one of them some text could not be encoded.
public struct TokenizerTrainingOptions: Sendable, Equatable {
    /// What no token reaches across.
    public enum Pattern: String, CaseIterable, Sendable {
        /// GPT-2's: letters, numbers and the rest apart, each with a space before it.
        case gpt2
        /// Llama 3's, which is cl100k's: digits in groups, line breaks apart, any sign before a word joined to it.
        case llama3
        /// The same with combining marks as parts of words: for scripts whose vowel signs are marks, and decomposed accents.
        case llama3Marks = "llama3_marks"
    }

    public var pattern = Pattern.gpt2
    /// Most digits of a token; of the patterns other than GPT-2's.
    public var digits = 3
    /// Composes characters and their marks (NFC).
    public var isComposed = false
    public var isLowercased = false
    /// `max_token_length` of BpeTrainer, in bytes: merged tokens stay shorter than this. At least 3.
    public var maximumTokenLength: Int?

    public init() {}

    var preTokenizer: PreTokenizer {
        switch pattern {
        case .gpt2: .gpt2
        case .llama3: .llama3(maximumDigits: digits, joinsMarks: false)
        case .llama3Marks: .llama3(maximumDigits: digits, joinsMarks: true)
        }
    }

    var normalizer: Normalizer? {
        isComposed || isLowercased ? Normalizer(isComposed: isComposed, isLowercased: isLowercased) : nil
    }

    /// `normalizer` of tokenizer.json.
    var normalizerJSON: String {
        let steps =
            (isComposed ? [#"{"type": "NFC"}"#] : []) + (isLowercased ? [#"{"type": "Lowercase"}"#] : [])
        return switch steps.count {
        case 0: "null"
        case 1: steps[0]
        default: #"{"type": "Sequence", "normalizers": ["# + steps.joined(separator: ", ") + "]}"
        }
    }

    /// `pre_tokenizer` of tokenizer.json.
    var preTokenizerJSON: String {
        guard case .llama3(let digits, let joinsMarks) = preTokenizer else {
            return Self.byteLevelJSON(usesPattern: true)
        }
        var regex: [UInt8] = []
        JSONText.append(Array(PreTokenizer.llama3Pattern(digits: digits, joinsMarks: joinsMarks).utf8), to: &regex)
        return #"{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "#
            + String(decoding: regex, as: UTF8.self) + #"}, "behavior": "Isolated", "invert": false}, "#
            + Self.byteLevelJSON(usesPattern: false) + "]}"
    }

    static func byteLevelJSON(usesPattern: Bool) -> String {
        #"{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": \#(usesPattern)}"#
    }
}
