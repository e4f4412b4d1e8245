/// What a token stands for, whatever kind of vocabulary it is of.
public struct TokenText: Hashable, Sendable {
    /// Without the sign or the space that a word begins with, and without the mark of a continued word.
    public var bytes: [UInt8]
    /// Whether it stands at the beginning of a word. Always true for what is no word.
    public var beginsWord: Bool
}

extension Tokenizer {
    /// What a token stands for; nil for special tokens and for ids that the vocabulary lacks.
    public func text(of id: Int32) -> TokenText? {
        guard let bytes = bytes(of: id), !addedTokens.isSpecial(id) else { return nil }
        var text = TokenText(bytes: bytes, beginsWord: false)
        switch model {
        case .byteLevelBPE:
            if bytes.count > 1, bytes[0] == 0x20 { text = TokenText(bytes: Array(bytes.dropFirst()), beginsWord: true) }
        case .pieces(.wordPiece(let model), _):
            let goesOn = !model.continuingPrefix.isEmpty && bytes.starts(with: model.continuingPrefix)
            text = TokenText(
                bytes: goesOn ? Array(bytes.dropFirst(model.continuingPrefix.count)) : bytes, beginsWord: !goesOn)
        case .pieces(.unigram, _):
            if let sign = signBytes, bytes.count > sign.count, bytes.starts(with: sign) {
                text = TokenText(bytes: Array(bytes.dropFirst(sign.count)), beginsWord: true)
            }
        }
        let scalars = String(decoding: text.bytes, as: UTF8.self).unicodeScalars
        // Signs stand with a space before them or without, and mean the same.
        if !scalars.contains(where: {
            $0.properties.isAlphabetic || $0.properties.numericType != nil || $0 == "\u{FFFD}"
        }) {
            text.beginsWord = true
        }
        return text
    }

    /// The ids of a token of another vocabulary.
    public func pieces(of text: TokenText, _ encoder: TokenizerEncoder) -> [Int32] {
        switch model {
        case .byteLevelBPE:
            return encoder.encode((text.beginsWord ? [0x20] : []) + text.bytes, parsing: .none)
        case .pieces(.wordPiece(let model), _):
            let ids = encoder.encode(text.bytes, parsing: .none)
            guard !text.beginsWord, let first = ids.first else { return ids }
            // The same letters as a part of a word that goes on.
            let marked = model.continuingPrefix + (bytes(of: first) ?? [])
            return (model.ids[marked].map { [$0] } ?? [first]) + ids.dropFirst()
        case .pieces(.unigram, _):
            let ids = encoder.encode(text.bytes, parsing: .none)
            guard !text.beginsWord, let sign = signBytes, let first = ids.first, let bytes = bytes(of: first) else {
                return ids
            }
            if bytes == sign { return Array(ids.dropFirst()) }
            guard bytes.starts(with: sign), let bare = model.ids[Array(bytes.dropFirst(sign.count))] else { return ids }
            return [bare] + ids.dropFirst()
        }
    }

    /// `sign` in UTF-8.
    private var signBytes: [UInt8]? {
        sign.map { sign in
            var bytes: [UInt8] = []
            appendUTF8(sign, to: &bytes)
            return bytes
        }
    }
}
