extension TokenizerEncoder {
    /// As many words may a token, or what is encoded as one, reach over where a text is divided to find what tokens stand for.
    private static let mostJoined = 8

    /// A byte-level token is the bytes that it stands for, but for a space that the tokenizer puts before the text, which is no part
    /// of it. Where the tokenizer changes text first (normal forms, small letters), these are bytes of the changed text, which
    /// remembers where it comes from. Where tokens are the bytes of neither (added tokens stand in it), the text is divided at its
    /// spaces, as far as this leaves its tokens what they are, and what of a part does not read as it was written stands for the part
    /// as a whole.
    func byteLevelTokens(_ bytes: [UInt8], _ parsing: AddedTokenParsing) -> TextTokens {
        let ids = encode(bytes, parsing: parsing)
        if let found = exact(ids, bytes, 0..<bytes.count) ?? aligned(ids, bytes, parsing) { return found }
        var tokens = TextTokens()
        var start = 0
        while start < bytes.count {
            let left = ids[tokens.ids.count...]
            var end = start
            let first = bytes[start...].firstIndex { !Tokenizer.isSpace($0) } ?? bytes.count
            var part: [Int32]?
            for _ in 0..<Self.mostJoined where part == nil && end < bytes.count {
                while end < bytes.count, Tokenizer.isSpace(bytes[end]) { end += 1 }
                while end < bytes.count, !Tokenizer.isSpace(bytes[end]) { end += 1 }
                let own = encode(Array(bytes[start..<end]), parsing: parsing)
                // A full stop and the end of its line may be one token.
                if left.starts(with: own), end < bytes.count || own.count == left.count { part = own }
            }
            if part == nil { end = bytes.count }
            let own = part ?? Array(left)
            if let exact = exact(own, bytes, start..<end) {
                tokens.ids += exact.ids
                tokens.ranges += exact.ranges
            } else {
                tokens.ids += own
                tokens.ranges += own.map { _ in min(first, end)..<end }
            }
            start = end
        }
        return tokens
    }

    /// - Returns: nil where the tokens' bytes are not those of the normalized text.
    private func aligned(_ ids: [Int32], _ bytes: [UInt8], _ parsing: AddedTokenParsing) -> TextTokens? {
        guard let normalizer = tokenizer.normalizer else { return nil }
        return bytes.withUnsafeBufferPointer { buffer -> TextTokens? in
            let segments = tokenizer.addedTokens.split(buffer, parsing, normalized: false)
            guard segments.allSatisfy({ $0.id == nil }) else { return nil }
            var text = AlignedText(buffer, at: 0)
            normalizer.normalize(&text)
            var normalized: [UInt8] = []
            // For each byte the scalar that it is of.
            var owners: [Int] = []
            for index in text.scalars.indices {
                text.appendUTF8(index..<index + 1, to: &normalized)
                owners += repeatElement(index, count: normalized.count - owners.count)
            }
            guard var start = start(of: ids, normalized[...]) else { return nil }
            return TextTokens(
                ids: ids,
                ranges: ids.map { id in
                    let first = max(0, start)
                    start += tokenizer.bytes(of: id)?.count ?? 0
                    guard start > first else { return 0..<0 }
                    return text.source(owners[first]..<owners[start - 1] + 1)
                })
        }
    }

    /// - Returns: nil where the tokens' bytes are not those of the text.
    private func exact(_ ids: [Int32], _ bytes: [UInt8], _ range: Range<Int>) -> TextTokens? {
        guard var start = start(of: ids, bytes[range]) else { return nil }
        return TextTokens(
            ids: ids,
            ranges: ids.map { id in
                let first = max(range.lowerBound, start)
                start += tokenizer.bytes(of: id)?.count ?? 0
                return first..<max(first, start)
            })
    }

    /// Where the first token begins, if the tokens' bytes are those of the text: with it, or one before it where the tokenizer puts
    /// a space before the text. Nil where they are others.
    private func start(of ids: [Int32], _ bytes: ArraySlice<UInt8>) -> Int? {
        let decoded = tokenizer.decode(ids)
        if decoded.elementsEqual(bytes) { return bytes.startIndex }
        let isPrefixed = decoded.first == UInt8(ascii: " ") && decoded.dropFirst().elementsEqual(bytes)
        return isPrefixed ? bytes.startIndex - 1 : nil
    }
}
