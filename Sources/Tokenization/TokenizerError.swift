/// What can be wrong with a tokenizer file or with the arguments of a tokenizer.
public enum TokenizerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A file could not be read or written.
    case file(path: String, problem: String)
    /// What is wrong with the contents of a file.
    indirect case inFile(path: String, TokenizerError)
    /// The text is not JSON; `offset` counts bytes.
    case malformedJSON(offset: Int, problem: String)
    /// A value of tokenizer.json is missing, of the wrong type or contradicts another.
    case invalid(component: String, problem: String)
    /// A valid tokenizer.json that asks for something this tokenizer does not do.
    case unsupported(component: String, problem: String)
    /// A special token that the caller needs is not among the tokenizer's tokens.
    case missingSpecialToken(role: String, accepted: [String])
    /// The requested vocabulary cannot hold the special tokens and the 256 byte symbols.
    case vocabularyTooSmall(requested: Int, minimum: Int)

    public var description: String {
        switch self {
        case .file(let path, let problem): "\(path): \(problem)"
        case .inFile(let path, let error): "\(path): \(error)"
        case .malformedJSON(let offset, let problem):
            "the tokenizer is not valid JSON at byte \(offset): \(problem); fetch or write the file again"
        case .invalid(let component, let problem): "tokenizer.json, \(component): \(problem)"
        case .unsupported(let component, let problem):
            "tokenizer.json, \(component): \(problem); supported are byte-level BPE, WordPiece and Unigram as released encoders use them"
        case .missingSpecialToken(let role, let accepted):
            "the tokenizer has no \(role) token (looked for \(accepted.joined(separator: ", "))); "
                + "train a tokenizer here or add the token to tokenizer.json"
        case .vocabularyTooSmall(let requested, let minimum):
            "a vocabulary of \(requested) is too small: "
                + "the special tokens and the 256 byte symbols alone take \(minimum)"
        }
    }
}
