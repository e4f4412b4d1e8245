/// What the tokenizer puts around a single text.
struct PostProcessor: Sendable {
    var prefix: [Int32] = []
    var suffix: [Int32] = []

    init() {}

    /// Reads a post-processor of tokenizer.json.
    init(_ json: JSONValue?) throws(TokenizerError) {
        guard let json, !json.isNull else { return }
        let component = try JSONComponent("post_processor", json)
        switch try component.type() {
        case "ByteLevel": break
        case "TemplateProcessing": try readTemplate(component)
        case "RobertaProcessing", "BertProcessing":
            prefix = [try Self.tokenID(component, "cls")]
            suffix = [try Self.tokenID(component, "sep")]
        case "Sequence":
            for each in try component.array("processors") {
                let inner = try PostProcessor(each)
                prefix = inner.prefix + prefix
                suffix += inner.suffix
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
    }
}
