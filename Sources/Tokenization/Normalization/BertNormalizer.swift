/// BERT's own normalizer: control characters out, spaces around Chinese characters, accents out, small letters
/// (`BertNormalizer` of `tokenizers`; Devlin et al. 2018, `tokenization.py`).
struct BertNormalizer: Sendable {
    let cleansText: Bool
    let separatesChinese: Bool
    let stripsAccents: Bool
    let lowercases: Bool

    /// - Throws: `TokenizerError.invalid`.
    init(_ component: JSONComponent) throws(TokenizerError) {
        cleansText = try component.bool("clean_text", default: true)
        separatesChinese = try component.bool("handle_chinese_chars", default: true)
        lowercases = try component.bool("lowercase", default: true)
        // Where it is not said, accents go with capital letters.
        stripsAccents = try component.bool("strip_accents", default: lowercases)
    }

    func normalize(_ text: inout AlignedText) {
        let table = CharacterTable.shared
        if cleansText {
            text.filter { !table[$0].contains(.bertRemoved) }
            text.map { table[$0].contains(.whitespace) ? 0x20 : $0 }
        }
        if text.isASCII {
            if lowercases { text.lowercase() }
            return
        }
        if separatesChinese { text.expand { Self.isChinese($0) ? [0x20, $0, 0x20] : nil } }
        if stripsAccents {
            text.transform(NormalForms.shared.decomposition(text.scalars, isCompatible: false))
            text.filter { !table[$0].contains(.nonspacingMark) }
        }
        if lowercases { text.lowercase() }
    }

    /// The blocks of ideographs that BERT knows.
    static func isChinese(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }
}
