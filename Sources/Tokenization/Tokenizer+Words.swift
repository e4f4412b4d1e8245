extension Tokenizer {
    /// For each token of a text whether a word begins with it: for a WordPiece every token but those that are marked as going
    /// on, for others where letters and digits do not go on from those of the token before (`▁` is neither).
    public func beginsWords(_ ids: [Int32]) -> [Bool] {
        if case .pieces(.wordPiece(let model), _) = model {
            return ids.map { id in
                !(bytes(of: id)?.starts(with: model.continuingPrefix) ?? false) || model.continuingPrefix.isEmpty
            }
        }
        var previous: Character = " "
        return ids.map { id in
            let token = token(id)
            defer { previous = token.last ?? previous }
            return !(Self.isOfWord(previous) && token.first.map(Self.isOfWord) ?? true)
        }
    }

    /// Letters, digits, marks (a token may begin with one, as a virama) and what a token of part of a character is shown as.
    private static func isOfWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "\u{FFFD}"
            || character.unicodeScalars.first?.isMark == true
    }

    /// What stands for a space in tokens; nil for a byte-level model and a WordPiece.
    var sign: UInt32? {
        guard case .pieces(_, let cutter) = model else { return nil }
        for step in cutter.steps {
            if case .metaspace(let metaspace) = step { return metaspace.sign }
        }
        return nil
    }

    /// Whether a token stands for nothing but white space.
    public func isSpace(_ id: Int32) -> Bool {
        guard let sign else { return (bytes(of: id) ?? []).allSatisfy(Self.isSpace) }
        return token(id).unicodeScalars.allSatisfy { $0.properties.isWhitespace || $0.value == sign }
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
