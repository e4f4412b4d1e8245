/// Tokens as text for people: a token may be a part of a character, so such tokens are joined until they are whole.
struct TokenText {
    var text: String
    /// The largest probability of the tokens that were joined.
    var probability: Double

    /// - Parameter tokens: bytes and probability of each token.
    static func joined(_ tokens: [(bytes: [UInt8], probability: Double)]) -> [TokenText] {
        var result: [TokenText] = []
        var pending: [UInt8] = []
        var probability = 0.0
        for token in tokens {
            pending += token.bytes
            probability = max(probability, token.probability)
            guard let text = String(validating: pending, as: UTF8.self) else {
                // No character is longer than four bytes; what is not one by then never will be.
                if pending.count < 4 { continue }
                result.append(TokenText(text: String(decoding: pending, as: UTF8.self), probability: probability))
                (pending, probability) = ([], 0)
                continue
            }
            result.append(TokenText(text: text, probability: probability))
            (pending, probability) = ([], 0)
        }
        if !pending.isEmpty {
            result.append(TokenText(text: String(decoding: pending, as: UTF8.self), probability: probability))
        }
        return result
    }
}
