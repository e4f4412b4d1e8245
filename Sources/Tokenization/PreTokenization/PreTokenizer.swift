/// How a text is cut into the words that the model merges.
enum PreTokenizer: Sendable {
    /// GPT-2's pattern, scanned by hand.
    case gpt2
    /// The pattern of Llama 3 and Qwen 2, scanned by hand.
    ///
    /// - Parameter joinsMarks: whether combining marks are parts of words, as letters are.
    case llama3(maximumDigits: Int, joinsMarks: Bool)
    /// Anything else, step by step.
    case steps(PreTokenizerSteps)

    /// Most digits that the scanner's pattern may take together.
    static let mostDigits = 9

    /// Llama 3's pattern with 3 digits, Qwen 2's with 1.
    static func llama3Pattern(digits: Int, joinsMarks: Bool) -> String {
        let letters = joinsMarks ? #"\p{L}\p{M}"# : #"\p{L}"#
        let word = joinsMarks ? "[" + letters + "]+" : letters + "+"
        let numbers = digits == 1 ? #"\p{N}"# : #"\p{N}{1,\#(digits)}"#
        return #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n"# + letters + #"\p{N}]?"# + word + "|" + numbers
            + #"| ?[^\s"# + letters + #"\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    private static let scanned: [String: (digits: Int, joinsMarks: Bool)] = Dictionary(
        uniqueKeysWithValues: (1...mostDigits).flatMap { digits in
            [true, false].map { (llama3Pattern(digits: digits, joinsMarks: $0), (digits, $0)) }
        })

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
            let form = Self.scannedForm(json)
        {
            self = .llama3(maximumDigits: form.digits, joinsMarks: form.joinsMarks)
        } else {
            self = .steps(try PreTokenizerSteps(steps))
        }
    }

    /// How many digits the scanned pattern takes together, and what it takes for letters, where a sequence starts with one.
    private static func scannedForm(_ json: JSONValue) -> (digits: Int, joinsMarks: Bool)? {
        guard let first = json["pretokenizers"]?.array?.first, let source = first["pattern"]?["Regex"]?.text else {
            return nil
        }
        return scanned[source]
    }
}
