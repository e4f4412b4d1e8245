/// What the tokenizer puts around a single text.
struct PostProcessor: Sendable {
    var prefix: [Int32] = []
    var suffix: [Int32] = []
    /// What becomes of a pair; empty where that is not said, or is not understood.
    private(set) var pair: [PairPiece] = []

    /// A part of a pair of texts, with its token type.
    enum PairPiece: Equatable, Sendable {
        case text(second: Bool, type: Int)
        case token(Int32, type: Int)
    }

    /// `[CLS] a [SEP]`, and `[CLS] a [SEP] b [SEP]` with type 1 from b on.
    init(_ first: Int32, _ last: Int32) {
        (prefix, suffix) = ([first], [last])
        pair = Self.pair(first, last)
    }

    private static func pair(_ first: Int32, _ last: Int32) -> [PairPiece] {
        [
            .token(first, type: 0), .text(second: false, type: 0), .token(last, type: 0), .text(second: true, type: 1),
            .token(last, type: 1),
        ]
    }

    /// Whether pairs become `[CLS] a [SEP] b [SEP]`, with type 1 from b on.
    func wrapsPairs(_ first: Int32, _ last: Int32) -> Bool { pair == Self.pair(first, last) }

    /// Reads a post-processor of tokenizer.json.
    init(_ json: JSONValue?) throws(TokenizerError) {
        guard let json, !json.isNull else { return }
        let component = try JSONComponent("post_processor", json)
        switch try component.type() {
        case "ByteLevel": break
        case "TemplateProcessing": try readTemplate(component)
        case "RobertaProcessing", "BertProcessing":
            let (first, last) = (try Self.tokenID(component, "cls"), try Self.tokenID(component, "sep"))
            (prefix, suffix) = ([first], [last])
            // RoBERTa's has two separators between the texts, and one type.
            if try component.type() == "BertProcessing" { pair = Self.pair(first, last) }
        case "Sequence":
            for each in try component.array("processors") {
                let inner = try PostProcessor(each)
                prefix = inner.prefix + prefix
                suffix += inner.suffix
                pair = pair.isEmpty ? inner.pair : []
            }
        case let other: throw .unsupported(component: "post_processor", problem: "type \(other)")
        }
    }

    /// `["[CLS]", 2]`.
    private static func tokenID(_ component: JSONComponent, _ key: String) throws(TokenizerError) -> Int32 {
        let pair = try component.array(key)
        guard pair.count == 2, let id = pair[1].integer.flatMap(Int32.init(exactly:)), id >= 0 else {
            throw .invalid(component: component.name, problem: "`\(key)` must be a token and its id")
        }
        return id
    }

    private mutating func readTemplate(_ component: JSONComponent) throws(TokenizerError) {
        var seenText = false
        for piece in try component.array("single") {
            if piece["Sequence"] != nil {
                seenText = true
                continue
            }
            guard let name = piece["SpecialToken"]?["id"]?.text else {
                throw .invalid(component: component.name, problem: "a piece of `single` is neither text nor token")
            }
            guard let listed = component.value["special_tokens"]?[name]?["ids"]?.array else {
                throw .invalid(component: component.name, problem: "`special_tokens` does not list \(name)")
            }
            for value in listed {
                guard let id = value.integer.flatMap(Int32.init(exactly:)), id >= 0 else {
                    throw .invalid(component: component.name, problem: "an id of \(name) is out of range")
                }
                if seenText { suffix.append(id) } else { prefix.append(id) }
            }
        }
        pair = Self.pair(component) ?? []
    }

    private static func pair(_ component: JSONComponent) -> [PairPiece]? {
        var result: [PairPiece] = []
        for piece in component.value["pair"]?.array ?? [] {
            if let sequence = piece["Sequence"], let type = sequence["type_id"]?.integer {
                result.append(.text(second: sequence["id"]?.text == "B", type: type))
            } else if let token = piece["SpecialToken"], let name = token["id"]?.text,
                let type = token["type_id"]?.integer,
                let ids = component.value["special_tokens"]?[name]?["ids"]?.array
            {
                for value in ids {
                    guard let id = value.integer.flatMap(Int32.init(exactly:)) else { return nil }
                    result.append(.token(id, type: type))
                }
            } else {
                return nil
            }
        }
        return result
    }
}
