/// What turns the words of a text into ids: the `model` of tokenizer.json.
enum TokenModel: Sendable {
    case byteLevelBPE(BPEModel)

    /// - Throws: `TokenizerError`, for what is malformed or unsupported.
    init(_ json: JSONValue) throws(TokenizerError) {
        let component = try JSONComponent("model", json)
        // Files of old that name no type hold a BPE.
        switch component.optional("type").map({ $0.text ?? $0.kind }) ?? "BPE" {
        case "BPE": self = .byteLevelBPE(try BPEModel(component))
        case let other: throw .unsupported(component: "model", problem: "type \(other)")
        }
    }

    /// Tokens as tokenizer.json writes them.
    var ids: [[UInt8]: Int32] {
        switch self {
        case .byteLevelBPE(let model): model.ids
        }
    }

    /// How many tokens there are, as `tokenizers` counts them: ids of added tokens go on from here.
    var count: Int {
        switch self {
        case .byteLevelBPE(let model): model.ids.count
        }
    }

    /// What a token stands for: its bytes for a byte-level model, else its own text.
    func bytes(of token: [UInt8]) -> [UInt8] {
        switch self {
        case .byteLevelBPE: ByteAlphabet.read(token)
        }
    }
}
