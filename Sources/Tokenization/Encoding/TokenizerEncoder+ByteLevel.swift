extension TokenizerEncoder {
    /// A byte-level token is the bytes that it stands for. Where the tokenizer changes text first (normal forms, small letters),
    /// the text is divided at its spaces, and what of a part does not read as it was written stands for the part as a whole.
    func byteLevelTokens(_ bytes: [UInt8], _ parsing: AddedTokenParsing) -> TextTokens {
        if let exact = exact(bytes, 0..<bytes.count, parsing) { return exact }
        var tokens = TextTokens()
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, Tokenizer.isSpace(bytes[end]) { end += 1 }
            let first = end
            while end < bytes.count, !Tokenizer.isSpace(bytes[end]) { end += 1 }
            if let exact = exact(bytes, start..<end, parsing) {
                tokens.ids += exact.ids
                tokens.ranges += exact.ranges
            } else {
                let ids = encode(Array(bytes[start..<end]), parsing: parsing)
                tokens.ids += ids
                tokens.ranges += ids.map { _ in first..<end }
            }
            start = end
        }
        return tokens
    }

    /// - Returns: nil where the tokens' bytes are not those of the text.
    private func exact(_ bytes: [UInt8], _ range: Range<Int>, _ parsing: AddedTokenParsing) -> TextTokens? {
        let ids = encode(Array(bytes[range]), parsing: parsing)
        guard tokenizer.decode(ids).elementsEqual(bytes[range]) else { return nil }
        var start = range.lowerBound
        return TextTokens(
            ids: ids,
            ranges: ids.map { id in
                let end = start + (tokenizer.bytes(of: id)?.count ?? 0)
                defer { start = end }
                return start..<end
            })
    }
}
