/// Tokens as text for people: a token may be a part of a character, so such tokens are joined until they are whole.
struct TokenText {
    var text: String
    /// The largest probability of the tokens that were joined.
    var probability: Double

    /// The bytes of a text with the probability of the token that they belong to: the largest where several stand for the same
    /// bytes, and 0 for what belongs to none, as the spaces of a tokenizer that leaves them out.
    static func parts(
        of text: [UInt8], _ ranges: [Range<Int>], _ probabilities: [Double]
    ) -> [(bytes: [UInt8], probability: Double)] {
        var parts: [(bytes: [UInt8], probability: Double)] = []
        var position = 0
        for (range, probability) in zip(ranges, probabilities) {
            if range.lowerBound > position { parts.append((Array(text[position..<range.lowerBound]), 0)) }
            let start = max(position, range.lowerBound)
            if range.lowerBound < position, let last = parts.indices.last {
                parts[last].probability = max(parts[last].probability, probability)
            }
            if range.upperBound > start { parts.append((Array(text[start..<range.upperBound]), probability)) }
            position = max(position, range.upperBound)
        }
        if position < text.count { parts.append((Array(text[position...]), 0)) }
        return parts
    }

    /// Parts as whole words, with the largest probability of their parts: those that go on with letters or digits where the part
    /// before ends with them. The space before a word stands apart, and what is thought of it counts for the word.
    static func words(_ parts: [TokenText]) -> [TokenText] {
        var result: [TokenText] = []
        var spaceProbability = 0.0
        for part in parts {
            let space = part.text.prefix(while: \.isWhitespace)
            let rest = part.text.dropFirst(space.count)
            if space.isEmpty, let last = result.last?.text.last, last.isLetter || last.isNumber,
                let first = rest.first, first.isLetter || first.isNumber
            {
                result[result.count - 1].text += rest
                result[result.count - 1].probability = max(result[result.count - 1].probability, part.probability)
                continue
            }
            if !space.isEmpty { result.append(TokenText(text: String(space), probability: 0)) }
            spaceProbability = max(spaceProbability, part.probability)
            guard !rest.isEmpty else { continue }
            result.append(TokenText(text: String(rest), probability: spaceProbability))
            spaceProbability = 0
        }
        // At the end of a line there is no word for it.
        if spaceProbability > 0, !result.isEmpty { result[result.count - 1].probability = spaceProbability }
        return result
    }

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
