/// What turns a text into ids: the `model` of tokenizer.json, with the pre-tokenizer that cuts the text for it.
enum TokenModel: Sendable {
    case byteLevelBPE(BPEModel, PreTokenizer)
    case pieces(PieceModel, PieceCutter)

    /// - Throws: `TokenizerError`, for what is malformed or unsupported.
    init(_ model: JSONValue, preTokenizer: JSONValue?) throws(TokenizerError) {
        let component = try JSONComponent("model", model)
        switch Self.type(component) {
        case "BPE": self = .byteLevelBPE(try BPEModel(component), try PreTokenizer(preTokenizer))
        case "WordPiece": self = .pieces(.wordPiece(try WordPieceModel(component)), try PieceCutter(preTokenizer))
        case "Unigram": self = .pieces(.unigram(try UnigramModel(component)), try PieceCutter(preTokenizer))
        case let other: throw .unsupported(component: "model", problem: "type \(other)")
        }
    }

    /// Files of old do not name it; what they hold tells.
    private static func type(_ component: JSONComponent) -> String {
        if let type = component.optional("type") { return type.text ?? type.kind }
        if component.optional("max_input_chars_per_word") != nil { return "WordPiece" }
        return component.optional("unk_id") != nil ? "Unigram" : "BPE"
    }

    var kind: Tokenizer.Kind {
        switch self {
        case .byteLevelBPE: .byteLevelBPE
        case .pieces(.wordPiece, _): .wordPiece
        case .pieces(.unigram, _): .unigram
        }
    }

    /// Tokens as tokenizer.json writes them.
    var ids: [[UInt8]: Int32] {
        switch self {
        case .byteLevelBPE(let model, _): model.ids
        case .pieces(.wordPiece(let model), _): model.ids
        case .pieces(.unigram(let model), _): model.ids
        }
    }

    /// How many tokens there are, as `tokenizers` counts them: ids of added tokens go on from here.
    var count: Int {
        switch self {
        case .byteLevelBPE(let model, _): model.ids.count
        case .pieces(.wordPiece(let model), _): model.ids.count
        case .pieces(.unigram(let model), _): model.count
        }
    }

    /// The id of text that no token has.
    var unknown: Int32? {
        switch self {
        case .byteLevelBPE(let model, _): model.unknown
        case .pieces(.wordPiece(let model), _): model.unknown
        case .pieces(.unigram(let model), _): model.unknown
        }
    }

    /// What a token stands for: its bytes for a byte-level model, else its own text.
    func bytes(of token: [UInt8]) -> [UInt8] {
        switch self {
        case .byteLevelBPE: ByteAlphabet.read(token)
        case .pieces: token
        }
    }
}

/// A model of tokens that are text, with spaces and beginnings of words marked in them.
enum PieceModel: Sendable {
    case wordPiece(WordPieceModel)
    case unigram(UnigramModel)
}
