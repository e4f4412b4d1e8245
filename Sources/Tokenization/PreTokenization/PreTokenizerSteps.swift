struct PreTokenizerSteps: Sendable {
    func split(_ text: UnsafeBufferPointer<UInt8>, emit: (UnsafePointer<UInt8>, Int, Int) -> Void) {}
}
extension PreTokenizer {
    init(_ json: JSONValue?) throws(TokenizerError) {
        guard let json else { throw .unsupported(component: "pre_tokenizer", problem: "null") }
        let c = try JSONComponent("pre_tokenizer", json)
        guard try c.type() == "ByteLevel" else { throw .unsupported(component: "pre_tokenizer", problem: "not yet") }
        self = .gpt2
    }
}
