struct Normalizer: Sendable {
    init(_ json: JSONValue) throws(TokenizerError) { throw .unsupported(component: "normalizer", problem: "not yet") }
    func normalize(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] { Array(bytes) }
}
