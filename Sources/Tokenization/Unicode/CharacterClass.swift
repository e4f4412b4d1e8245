/// Unicode general categories, in the order of the generated table.
enum GeneralCategory: UInt8, CaseIterable {
    case lu, ll, lt, lm, lo, mn, mc, me, nd, nl, no, pc, pd, ps, pe, pi, pf, po, sm, sc, sk, so, zs, zl, zp, cc, cf, co
    case cs, cn
}

/// What the pre-tokenizers ask about a scalar: its general category and membership in the library's character sets.
struct CharacterClass: OptionSet {
    let rawValue: UInt64

    /// The category itself, as one bit per `GeneralCategory`.
    static func category(_ category: GeneralCategory) -> CharacterClass { .init(rawValue: 1 << category.rawValue) }

    static let letter: CharacterClass = [
        .category(.lu), .category(.ll), .category(.lt), .category(.lm), .category(.lo),
    ]
    static let number: CharacterClass = [.category(.nd), .category(.nl), .category(.no)]
    static let mark: CharacterClass = [.category(.mn), .category(.mc), .category(.me)]
    static let punctuation: CharacterClass = [
        .category(.pc), .category(.pd), .category(.ps), .category(.pe), .category(.pi), .category(.pf), .category(.po),
    ]
    static let symbol: CharacterClass = [.category(.sm), .category(.sc), .category(.sk), .category(.so)]
    static let separator: CharacterClass = [.category(.zs), .category(.zl), .category(.zp)]
    static let other: CharacterClass = [
        .category(.cc), .category(.cf), .category(.co), .category(.cs), .category(.cn),
    ]
    static let any = CharacterClass(rawValue: (1 << 30) - 1)

    /// `\s` of Split patterns.
    static let regexSpace = CharacterClass(rawValue: 1 << 32)
    /// `\w` of Split patterns.
    static let regexWord = CharacterClass(rawValue: 1 << 33)
    static let han = CharacterClass(rawValue: 1 << 34)
    static let hiragana = CharacterClass(rawValue: 1 << 35)
    static let katakana = CharacterClass(rawValue: 1 << 36)
    static let hangul = CharacterClass(rawValue: 1 << 37)
    /// White space of the WhitespaceSplit pre-tokenizer and the Strip normalizer.
    static let whitespace = CharacterClass(rawValue: 1 << 38)
    /// `\w` of the Whitespace pre-tokenizer and of `single_word`.
    static let word = CharacterClass(rawValue: 1 << 39)
    /// Digits of the Digits pre-tokenizer.
    static let numeric = CharacterClass(rawValue: 1 << 40)
    /// Punctuation of the Punctuation pre-tokenizer.
    static let punctuationSplit = CharacterClass(rawValue: 1 << 41)
    static let combiningMark = CharacterClass(rawValue: 1 << 42)
    /// What the BertNormalizer removes when it cleans text, and as accents.
    static let bertRemoved = CharacterClass(rawValue: 1 << 44)
    static let nonspacingMark = CharacterClass(rawValue: 1 << 45)

    /// Bytes that are not part of valid UTF-8: neither letter nor number nor space.
    static let invalid = CharacterClass(rawValue: 1 << 43)
}

/// Two-stage table from scalar to `CharacterClass`, built once from the generated run lengths.
struct CharacterTable: @unchecked Sendable {
    // Immutable after initialisation and never freed (one per process), so sharing the pointers is safe.
    private let blocks: UnsafeMutablePointer<UInt16>
    private let values: UnsafeMutablePointer<CharacterClass>

    static let shared = CharacterTable()
    private static let scalarLimit = 0x110000

    /// - Parameter scalar: below 0x110000, or `InvalidByte.base` + byte for a byte outside valid UTF-8.
    @inline(__always)
    subscript(_ scalar: UInt32) -> CharacterClass {
        guard scalar < 0x110000 else { return .invalid }
        return values[Int(blocks[Int(scalar &>> 7)]) &<< 7 | Int(scalar & 127)]
    }

    private init() {
        var flat = [UInt64](repeating: 0, count: Self.scalarLimit)
        var position = 0
        Self.runs(UnicodeRuns.categories) { length, terminator in
            let bit = UInt64(1) << UInt64(terminator - UInt8(ascii: "="))
            for scalar in position..<(position + length) { flat[scalar] = bit }
            position += length
        }
        let sets: [(StaticString, CharacterClass)] = [
            (UnicodeRuns.regexSpace, .regexSpace), (UnicodeRuns.regexWord, .regexWord), (UnicodeRuns.han, .han),
            (UnicodeRuns.hiragana, .hiragana), (UnicodeRuns.katakana, .katakana), (UnicodeRuns.hangul, .hangul),
            (UnicodeRuns.whitespace, .whitespace), (UnicodeRuns.wordOfWhitespace, .word),
            (UnicodeRuns.numeric, .numeric), (UnicodeRuns.punctuation, .punctuationSplit),
            (UnicodeRuns.combiningMark, .combiningMark), (UnicodeRuns.bertRemoved, .bertRemoved),
            (UnicodeRuns.nonspacingMark, .nonspacingMark),
        ]
        for (text, flag) in sets {
            var position = 0
            var inside = false
            Self.runs(text) { length, _ in
                if inside { for scalar in position..<(position + length) { flat[scalar] |= flag.rawValue } }
                position += length
                inside.toggle()
            }
        }

        let blockCount = Self.scalarLimit >> 7
        blocks = .allocate(capacity: blockCount)
        var known: [ArraySlice<UInt64>: UInt16] = [:]
        var distinct: [ArraySlice<UInt64>] = []
        for block in 0..<blockCount {
            let slice = flat[(block << 7)..<((block + 1) << 7)]
            if let index = known[slice] {
                blocks[block] = index
            } else {
                let index = UInt16(distinct.count)
                known[slice] = index
                distinct.append(slice)
                blocks[block] = index
            }
        }
        values = .allocate(capacity: distinct.count << 7)
        for (index, slice) in distinct.enumerated() {
            for (offset, value) in slice.enumerated() {
                (values + (index << 7 | offset)).initialize(to: CharacterClass(rawValue: value))
            }
        }
    }

    /// Calls `body` with each run's length (base 36, lower case) and the byte that ends it.
    private static func runs(_ text: StaticString, _ body: (Int, UInt8) -> Void) {
        var length = 0
        var digits = 0
        for index in 0..<text.utf8CodeUnitCount {
            let byte = text.utf8Start[index]
            if let digit = base36Digit(byte) {
                length = length * 36 + digit
                digits += 1
            } else {
                body(length, byte)
                length = 0
                digits = 0
            }
        }
        if digits > 0 { body(length, 0) }
    }
}

/// The value of a lower-case base-36 digit.
func base36Digit(_ byte: UInt8) -> Int? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(byte - UInt8(ascii: "a")) + 10
    default: nil
    }
}
