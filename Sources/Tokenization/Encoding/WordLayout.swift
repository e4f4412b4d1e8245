/// Where a text can be divided before it is normalized: at spaces, and for BERT's pre-tokenizer at punctuation, as long as
/// neither the normalizer nor the pre-tokenizer looks across them. The ids of a word are then the same wherever it stands.
struct WordLayout: Sendable {
    /// Classes of bytes.
    static let inside: UInt8 = 0
    static let space: UInt8 = 1
    /// A word of its own.
    static let single: UInt8 = 2

    /// What becomes of spaces.
    enum Spaces: Sendable {
        case removed
        case marked(MarkedSpaces)
    }

    let classes: [UInt8]
    let spaces: Spaces
    /// Whether the first word of a text has a sign before it only where the text begins.
    let needsBeginning: Bool
    /// Whether the normalizer looks at clusters of characters.
    private let readsClusters: Bool

    /// - Returns: nil where there is no such place.
    init?(_ normalizer: Normalizer?, _ cutter: PieceCutter) {
        let steps = normalizer?.steps ?? []
        guard steps.allSatisfy(Self.isLocal), let first = cutter.steps.first else { return nil }
        readsClusters = steps.contains { if case .precompiled = $0 { true } else { false } }
        func normalized(_ text: String) -> [UInt32] {
            var bytes = Array(text.utf8)
            var aligned = bytes.withUnsafeMutableBufferPointer { AlignedText(UnsafeBufferPointer($0), at: 0) }
            normalizer?.normalize(&aligned)
            return aligned.scalars
        }
        var classes = [UInt8](repeating: Self.inside, count: 256)
        switch first {
        case .scalars(.whitespace, .removed), .whitespace:
            guard !cutter.steps.contains(where: Self.looksBack) else { return nil }
            for byte in Self.spaceBytes(normalized, isMarked: false) { classes[Int(byte)] = Self.space }
            if Self.isolatesPunctuation(cutter), !steps.contains(where: Self.replaces) {
                let table = CharacterTable.shared
                for byte in UInt8(0)..<0x80 where table[UInt32(byte)].contains(.punctuationSplit) {
                    let text = "a\(Unicode.Scalar(byte))b"
                    if normalized(text) == text.unicodeScalars.map(\.value) { classes[Int(byte)] = Self.single }
                }
            }
            spaces = .removed
            needsBeginning = false
        case .metaspace(let metaspace):
            guard metaspace.splits, metaspace.prepends != .never,
                !cutter.steps.dropFirst().contains(where: Self.looksBack),
                let marked = MarkedSpaces(metaspace.sign, normalized)
            else { return nil }
            for byte in Self.spaceBytes(normalized, isMarked: true) { classes[Int(byte)] = Self.space }
            spaces = .marked(marked)
            needsBeginning = metaspace.prepends == .first
        default: return nil
        }
        guard classes[0x20] == Self.space else { return nil }
        self.classes = classes
    }

    /// Whether what a step does to a word depends on nothing beside it.
    private static func isLocal(_ step: Normalizer.Step) -> Bool {
        switch step {
        case .composed, .decomposed, .lowercase, .stripAccents, .bert, .precompiled: true
        // What it takes away at both ends, `MarkedSpaces` finds out.
        case .strip: true
        case .prepend: false
        case .replace(let pattern, let content):
            if let literal = pattern.literal {
                literal.allSatisfy { !isSpace($0) }
            } else {
                pattern.needsSpace && content == [0x20]
            }
        }
    }

    private static func replaces(_ step: Normalizer.Step) -> Bool {
        switch step {
        case .replace, .precompiled: true
        default: false
        }
    }

    /// Whether a step asks where in the text a piece stands.
    private static func looksBack(_ step: PreTokenizerStep) -> Bool {
        if case .metaspace(let metaspace) = step { metaspace.prepends == .first } else { false }
    }

    private static func isolatesPunctuation(_ cutter: PieceCutter) -> Bool {
        guard cutter.steps.count > 1, case .scalars(.whitespace, .removed) = cutter.steps[0],
            case .scalars(.punctuationSplit, .isolated) = cutter.steps[1]
        else { return false }
        return true
    }

    private static func isSpace(_ scalar: UInt32) -> Bool { CharacterTable.shared[scalar].contains(.whitespace) }

    /// The space, and those of tabulator and line ends that the normalizer leaves spaces too.
    private static func spaceBytes(_ normalized: (String) -> [UInt32], isMarked: Bool) -> [UInt8] {
        func isOneSpace(_ text: String) -> Bool {
            let result = normalized("a\(text)b")
            guard result.first == 0x61, result.last == 0x62, result.count >= 3 else { return false }
            let between = result.dropFirst().dropLast()
            return isMarked ? between == normalized("a b").dropFirst().dropLast() : between.allSatisfy(isSpace)
        }
        func isLikeSpace(_ text: String) -> Bool {
            guard isMarked else { return true }
            let all = [text + text, " " + text, text + " ", text + " " + text]
            return all.allSatisfy {
                normalized("a\($0)b") == normalized("a\(String(repeating: " ", count: $0.count))b")
            }
                && normalized(text + "a") == normalized(" a") && normalized("a" + text) == normalized("a ")
        }
        var found = ["\t", "\n", "\r"].filter { isOneSpace($0) && isLikeSpace($0) }
        // The two together are one cluster.
        let lineEnd = normalized("a\r\nb")
        let isSound =
            isMarked
            ? lineEnd == normalized("a  b") : lineEnd.count >= 3 && lineEnd.dropFirst().dropLast().allSatisfy(isSpace)
        if !isSound { found.removeAll { $0 != "\t" } }
        return (isOneSpace(" ") ? [0x20] : []) + found.compactMap(\.utf8.first)
    }

    /// Whether what follows a space or a sign cannot belong to it: no mark, and nothing that joins.
    func isSafe(_ text: UnsafeBufferPointer<UInt8>, _ position: Int) -> Bool {
        guard position < text.count, let base = text.baseAddress, text[position] >= 0x80 else { return true }
        let (scalar, _) = decodeLongScalar(base, at: position, end: text.count)
        if Self.joining.contains(scalar) { return false }
        return !CharacterTable.shared[scalar].isDisjoint(with: Self.alone)
    }

    /// Categories of characters that begin clusters of their own.
    private static let alone: CharacterClass = [
        .letter, .number, .punctuation, .category(.sm), .category(.sc), .category(.so),
    ]
    /// Letters that join the character before them nonetheless.
    private static let joining: Set<UInt32> = [0xE33, 0xEB3, 0xFF9E, 0xFF9F]

    /// Characters that join the one behind them.
    private static func prepends(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x600...0x605, 0x6DD, 0x70F, 0x890...0x891, 0x8E2, 0xD4E, 0x110BD, 0x110CD, 0x111C2...0x111C3, 0x113D1,
            0x1193F,
            0x11941, 0x11A3A, 0x11A84...0x11A89, 0x11D46, 0x11F02:
            true
        default: false
        }
    }

    /// Whether a word, as it is written, neither begins nor ends with what might go with spaces beside it.
    func isAlone(_ word: AlignedText) -> Bool {
        guard let first = word.scalars.first, let last = word.scalars.last else { return true }
        return !Self.isSpace(first) && !Self.isSpace(last) && !(readsClusters && Self.prepends(last))
    }

    /// The same of the normalized word.
    func isAlone(normalized word: AlignedText) -> Bool {
        guard case .marked(let spaces) = spaces else { return true }
        guard let first = word.scalars.first, let last = word.scalars.last else { return false }
        return first != spaces.sign && !Self.isSpace(first) && !Self.isSpace(last)
    }
}

/// What a normalizer leaves of spaces that are then marked with signs.
struct MarkedSpaces: Sendable {
    let sign: UInt32
    /// Whether of several beside each other one is left.
    private let collapses: Bool
    private let trimsLeft: Bool
    private let trimsRight: Bool

    /// - Returns: nil for a normalizer that treats them in another way than released ones do.
    init?(_ sign: UInt32, _ normalized: (String) -> [UInt32]) {
        func leaves(_ text: String, _ expected: String) -> Bool {
            normalized(text) == expected.unicodeScalars.map(\.value)
        }
        collapses = leaves("a  b", "a b")
        trimsLeft = leaves(" a", "a")
        trimsRight = leaves("a ", "a")
        self.sign = sign
        let (two, three) = collapses ? (" ", " ") : ("  ", "   ")
        let trims = trimsLeft || trimsRight
        guard leaves("a b", "a b"), leaves("a  b", "a\(two)b"), leaves("a   b", "a\(three)b"),
            leaves("   a", trimsLeft ? "a" : three + "a"), leaves("a   ", trimsRight ? "a" : "a" + three),
            leaves("   ", trims ? "" : three), leaves(" ", trims ? "" : " ")
        else { return nil }
    }

    /// How many of some spaces are tokens of their own: the one before a word is part of it.
    func alone(_ count: Int, isFirst: Bool, isLast: Bool) -> Int {
        let left = collapses ? 1 : count
        if isFirst, isLast { return trimsLeft || trimsRight ? 0 : left }
        if isFirst { return trimsLeft ? 0 : left - 1 }
        if isLast { return trimsRight ? 0 : left }
        return left - 1
    }
}
