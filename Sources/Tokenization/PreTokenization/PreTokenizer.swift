/// How a text is cut into the words that the model merges.
enum PreTokenizer: Sendable {
    /// GPT-2's pattern, scanned by hand.
    case gpt2
    /// The pattern of Llama 3 and Qwen 2, scanned by hand.
    case llama3(maximumDigits: Int)
    /// Anything else, step by step.
    case steps(PreTokenizerSteps)

    private static let llama3Pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"#
        + #"|\s*[\r\n]+|\s+(?!\S)|\s+"#
    private static let qwen2Pattern = llama3Pattern.replacing(#"\p{N}{1,3}"#, with: #"\p{N}"#)

    /// Reads `pre_tokenizer` of tokenizer.json, taking a scanner where one knows the form.
    ///
    /// - Throws: `TokenizerError`, for what is malformed, unsupported or not byte-level.
    init(_ json: JSONValue?) throws(TokenizerError) {
        guard let json else {
            throw .unsupported(component: "pre_tokenizer", problem: "there is none")
        }
        let steps = try PreTokenizerStep.read(json)
        if steps.count == 1, case .byteLevel(addsPrefixSpace: false, usesPattern: true) = steps[0] {
            self = .gpt2
        } else if steps.count == 2, case .byteLevel(addsPrefixSpace: false, usesPattern: false) = steps[1],
            case .pattern(_, .isolated, isInverted: false) = steps[0],
            let digits = Self.scannedDigits(json)
        {
            self = .llama3(maximumDigits: digits)
        } else {
            self = .steps(try PreTokenizerSteps(steps))
        }
    }

    /// How many digits the scanned pattern takes together, where a sequence starts with such a pattern.
    private static func scannedDigits(_ json: JSONValue) -> Int? {
        guard let first = json["pretokenizers"]?.array?.first, let source = first["pattern"]?["Regex"]?.text else {
            return nil
        }
        if source == llama3Pattern { return 3 }
        return source == qwen2Pattern ? 1 : nil
    }
}
