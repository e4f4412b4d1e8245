/// How many columns of a terminal a text takes.
public enum TextWidth {
    /// Marks that stand on the letter before take none, ideographs and emoji two (Unicode's East Asian Width, W and F).
    public static func columns(_ text: String) -> Int { text.reduce(0) { $0 + columns($1) } }

    public static func columns(_ character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first(where: { !takesNoColumn($0) }) else { return 0 }
        return character.unicodeScalars.contains("\u{FE0F}") || isWide(scalar.value) ? 2 : 1
    }

    /// As much of the text as fits, from its beginning.
    public static func cut(_ text: String, to columns: Int) -> String {
        var used = 0
        var end = text.startIndex
        for index in text.indices {
            used += Self.columns(text[index])
            if used > columns { break }
            end = text.index(after: index)
        }
        return String(text[..<end])
    }

    /// Marks that take a column of their own, as vowel signs of Devanagari, are not among them.
    private static func takesNoColumn(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: true
        default: false
        }
    }

    private static func isWide(_ value: UInt32) -> Bool {
        switch value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
            0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
            0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            true
        default: false
        }
    }
}
