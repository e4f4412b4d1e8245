extension Tokenizer {
    /// For each token of a text whether a word begins with it: where letters and digits do not go on from those of the token
    /// before.
    public func beginsWords(_ ids: [Int32]) -> [Bool] {
        var previous: Character = " "
        return ids.map { id in
            let token = token(id)
            defer { previous = token.last ?? previous }
            return !(Self.isOfWord(previous) && token.first.map(Self.isOfWord) ?? true)
        }
    }

    /// Letters, digits and what a token of part of a character is shown as.
    private static func isOfWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "\u{FFFD}"
    }

    /// Whether a token stands for nothing but white space.
    public func isSpace(_ id: Int32) -> Bool { (bytes(of: id) ?? []).allSatisfy(Self.isSpace) }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
