/// A token that is found in the text as a whole, beside the model's own vocabulary.
public struct AddedToken: Equatable, Sendable {
    public var id: Int32
    public var content: String
    /// Found only where no word character touches it.
    public var singleWord = false
    /// Takes the white space before it.
    public var stripsLeft = false
    /// Takes the white space after it.
    public var stripsRight = false
    /// Looked for in the normalized text, not in the raw one.
    public var normalized = false
    /// Marks structure (`[CLS]`), not text.
    public var special = false
}

/// Which added tokens `encode` looks for in a text.
public enum AddedTokenParsing: Sendable {
    /// None: the model sees every byte.
    case none
    /// Those that are not special, such as GPT-NeoX's runs of spaces. A special token's text is text like any other.
    /// `tokenizers` does this with `encode_special_tokens = True`.
    case ordinary
    /// All of them, so that the text `[MASK]` becomes the mask's id. `tokenizers` does this by default.
    case all
}
