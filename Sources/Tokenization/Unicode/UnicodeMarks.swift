extension Unicode.Scalar {
    /// Whether it is a mark (general category M), which belongs to the letter before it: an accent, a vowel sign, a virama.
    package var isMark: Bool {
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }
}
