/// Parses the regular expressions of tokenizer.json in Oniguruma's Ruby syntax.
///
/// What it does not know is an error, never a guess.
struct PatternParser {
    private let scalars: [UInt32]
    private var position = 0
    private var ignoresCase = false
    private var depth = 0
    private let source: String

    static func parse(_ source: String) throws(TokenizerError) -> PatternNode {
        var parser = PatternParser(source)
        let node = try parser.alternatives()
        guard parser.position == parser.scalars.count else { throw parser.problem("`)` without `(`") }
        return node
    }

    private init(_ source: String) {
        self.source = source
        scalars = source.unicodeScalars.map(\.value)
    }

    func problem(_ text: String) -> TokenizerError {
        .unsupported(component: "pattern \(source)", problem: "\(text) at character \(position)")
    }

    private var current: UInt32? { position < scalars.count ? scalars[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard current == character.value else { return false }
        position += 1
        return true
    }

    private mutating func take(_ text: String) -> Bool {
        let wanted = text.unicodeScalars.map(\.value)
        guard scalars[position...].starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    private mutating func alternatives() throws(TokenizerError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth < 100 else { throw problem("groups nested too deeply") }
        // An option such as (?i) holds to the end of the group around it.
        let outerCase = ignoresCase
        defer { ignoresCase = outerCase }
        var parts = [try sequence()]
        while take("|") { parts.append(try sequence()) }
        return parts.count == 1 ? parts[0] : .alternatives(parts)
    }

    private mutating func sequence() throws(TokenizerError) -> PatternNode {
        var parts: [PatternNode] = []
        var literals: [UInt32] = []
        while let next = current, next != 0x7C, next != 0x29 {
            let start = position
            guard let atom = try atom() else { continue }
            let isLiteral = position == start + 1 && next != 0x5B && next != 0x2E
            let quantified = try quantified(atom)
            parts.append(quantified)
            literals = isLiteral ? literals + [next] : []
            if ignoresCase, foldsToOneScalar(literals.suffix(2)) {
                throw problem("letters that together fold to one character, under (?i)")
            }
        }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    /// Pairs of letters that Oniguruma also finds as one character (ß, ﬁ ...) when it ignores case.
    private func foldsToOneScalar(_ pair: ArraySlice<UInt32>) -> Bool {
        let text = String(String.UnicodeScalarView(pair.compactMap(Unicode.Scalar.init))).lowercased()
        return ["ss", "ff", "fi", "fl", "st"].contains(text) || (pair.count == 2 && pair.contains { $0 >= 0x80 })
    }

    private mutating func quantified(_ atom: PatternNode) throws(TokenizerError) -> PatternNode {
        var node = atom
        while let bounds = try quantifier() {
            var mode = PatternNode.Mode.greedy
            if take("?") {
                if bounds.isInterval, bounds.minimum == bounds.maximum { throw problem("`{n}?`") }
                mode = .lazy
            } else if current == 0x2B {
                if bounds.isInterval { throw problem("`{...}+`") }
                position += 1
                mode = .possessive
            }
            if node.canBeEmpty { throw problem("a repetition of what may be empty") }
            node = .repetition(node, minimum: bounds.minimum, maximum: bounds.maximum, mode)
        }
        return node
    }

    private mutating func quantifier() throws(TokenizerError) -> (minimum: Int, maximum: Int?, isInterval: Bool)? {
        if take("*") { return (0, nil, false) }
        if take("+") { return (1, nil, false) }
        if take("?") { return (0, 1, false) }
        let start = position
        guard take("{") else { return nil }
        let minimum = number()
        let hasComma = take(",")
        let maximum = hasComma ? number() : minimum
        guard take("}"), minimum != nil || maximum != nil else {
            position = start
            return nil
        }
        guard (minimum ?? 0) <= 1000, (maximum ?? 0) <= 1000, minimum ?? 0 <= maximum ?? Int.max else {
            throw problem("an interval out of range")
        }
        return (minimum ?? 0, maximum, true)
    }

    private mutating func number() -> Int? {
        let start = position
        var value = 0
        while let digit = current, (0x30...0x39).contains(digit) {
            value = min(value * 10 + Int(digit - 0x30), 1_000_000)
            position += 1
        }
        return position > start ? value : nil
    }

    /// One element, or nil for something that only changes how the rest is read.
    private mutating func atom() throws(TokenizerError) -> PatternNode? {
        guard let next = current else { throw problem("the pattern ends too early") }
        switch next {
        case 0x28: return try group()
        case 0x5B:
            position += 1
            return .set(try bracket())
        case 0x2E:
            position += 1
            var set = ScalarSet([0x0A])
            set.isNegated = true
            set.finish()
            return .set(set)
        case 0x5E:
            position += 1
            return .lineStart
        case 0x24:
            position += 1
            return .lineEnd
        case 0x5C: return try escape()
        case 0x2A, 0x2B, 0x3F: throw problem("a quantifier without anything to repeat")
        case 0x7B:
            if try quantifier() != nil { throw problem("a quantifier without anything to repeat") }
            position += 1
            return .set(literal(next))
        default:
            position += 1
            return .set(literal(next))
        }
    }

    private mutating func group() throws(TokenizerError) -> PatternNode? {
        position += 1
        guard take("?") else { return try closing(alternatives()) }
        if take(":") { return try closing(alternatives()) }
        if take("=") { return .lookahead(try closing(alternatives()), isNegative: false) }
        if take("!") { return .lookahead(try closing(alternatives()), isNegative: true) }
        if take(">") { return .atomic(try closing(alternatives())) }
        let isOff = take("-")
        guard take("i") else { throw problem("this kind of group") }
        if take(")") {
            ignoresCase = !isOff
            return nil
        }
        guard take(":") else { throw problem("this kind of group") }
        let outer = ignoresCase
        ignoresCase = !isOff
        let body = try alternatives()
        ignoresCase = outer
        return try closing(body)
    }

    private mutating func closing(_ node: PatternNode) throws(TokenizerError) -> PatternNode {
        guard take(")") else { throw problem("a missing `)`") }
        return node
    }

    /// The set of one literal character, in both cases where case is ignored.
    private func literal(_ scalar: UInt32) -> ScalarSet {
        var set = ScalarSet(ignoresCase ? Self.caseVariants(scalar) : [scalar])
        set.finish()
        return set
    }

    static func caseVariants(_ scalar: UInt32) -> [UInt32] {
        var variants: Set<UInt32> = [scalar]
        func add(_ text: String) {
            let mapped = text.unicodeScalars
            if mapped.count == 1, let only = mapped.first { variants.insert(only.value) }
        }
        for _ in 0..<2 {
            for each in variants.compactMap(Unicode.Scalar.init) {
                add(each.properties.lowercaseMapping)
                add(each.properties.uppercaseMapping)
            }
        }
        // Characters whose case mapping leads to a letter but not back.
        for (letter, other) in [(0x73, 0x17F), (0x6B, 0x212A), (0xE5, 0x212B), (0x3C9, 0x2126)] as [(UInt32, UInt32)]
        where variants.contains(letter) {
            variants.insert(other)
        }
        return variants.sorted()
    }

    private mutating func escape() throws(TokenizerError) -> PatternNode {
        let anchors: [(String, PatternNode)] = [
            ("\\A", .textStart), ("\\z", .textEnd), ("\\Z", .textEndOrLastLineEnd),
            ("\\b", .wordBoundary(isNegative: false)), ("\\B", .wordBoundary(isNegative: true)),
        ]
        for (text, node) in anchors where take(text) { return node }
        switch try escapedSet() {
        case .scalar(let scalar): return .set(literal(scalar))
        case .set(var set):
            set.finish()
            return .set(set)
        }
    }

    private enum Escaped {
        case scalar(UInt32)
        case set(ScalarSet)
    }

    /// `\x`: a character or a class, inside brackets and outside.
    private mutating func escapedSet() throws(TokenizerError) -> Escaped {
        position += 1
        guard let next = current, let character = Unicode.Scalar(next) else { throw problem("`\\` at the end") }
        position += 1
        func set(_ classes: CharacterClass, negated: Bool) -> Escaped {
            var set = ScalarSet()
            if negated { set.complements = [classes] } else { set.classes = classes }
            return .set(set)
        }
        switch character {
        case "s", "S": return set(.regexSpace, negated: character == "S")
        case "w", "W": return set(.regexWord, negated: character == "W")
        case "d", "D": return set(.category(.nd), negated: character == "D")
        case "n": return .scalar(0x0A)
        case "r": return .scalar(0x0D)
        case "t": return .scalar(0x09)
        case "f": return .scalar(0x0C)
        case "v": return .scalar(0x0B)
        case "a": return .scalar(0x07)
        case "e": return .scalar(0x1B)
        case "x": return .scalar(try hexadecimal(take("{") ? nil : 2))
        case "u": return .scalar(try hexadecimal(4))
        case "p", "P":
            guard take("{") else { throw problem("`\\p` without braces") }
            let isNegated = take("^") != (character == "P")
            var name = ""
            while let scalar = current.flatMap(Unicode.Scalar.init), scalar != "}" {
                name.unicodeScalars.append(scalar)
                position += 1
            }
            guard take("}"), let classes = Self.property(name) else { throw problem("the property \(name)") }
            return set(classes, negated: isNegated)
        default:
            if next < 0x80, character.properties.isAlphabetic || (0x30...0x39).contains(next) {
                throw problem("`\\\(character)`")
            }
            return .scalar(next)
        }
    }

    private mutating func hexadecimal(_ digits: Int?) throws(TokenizerError) -> UInt32 {
        var value: UInt32 = 0
        var count = 0
        while count < digits ?? 8, let next = current, next < 0x80, let digit = hexadecimalDigit(UInt8(next)) {
            value = value << 4 | digit
            position += 1
            count += 1
        }
        if digits == nil, !take("}") { throw problem("a missing `}`") }
        guard count > 0, digits != 4 || count == 4, value < 0x110000 else { throw problem("a character code") }
        return value
    }

    /// The classes of a property name; case, spaces, hyphens and underscores do not count.
    static func property(_ name: String) -> CharacterClass? {
        let key = name.lowercased().filter { $0 != " " && $0 != "-" && $0 != "_" }
        switch key {
        case "l", "letter": return .letter
        case "n", "number": return .number
        case "m", "mark", "combiningmark": return .mark
        case "p", "punctuation": return .punctuation
        case "s", "symbol": return .symbol
        case "z", "separator": return .separator
        case "c", "other": return .other
        case "lc", "casedletter": return [.category(.lu), .category(.ll), .category(.lt)]
        case "uppercaseletter": return .category(.lu)
        case "lowercaseletter": return .category(.ll)
        case "any": return .any
        case "han": return .han
        case "hiragana": return .hiragana
        case "katakana": return .katakana
        case "hangul": return .hangul
        default: return GeneralCategory.allCases.first { "\($0)" == key }.map(CharacterClass.category)
        }
    }

    /// What follows `[`, up to its `]`.
    private mutating func bracket() throws(TokenizerError) -> ScalarSet {
        depth += 1
        defer { depth -= 1 }
        guard depth < 100 else { throw problem("brackets nested too deeply") }
        var set = ScalarSet()
        set.isNegated = take("^")
        var isFirst = true
        while true {
            guard let next = current else { throw problem("a missing `]`") }
            if take("]") {
                if isFirst { throw problem("`]` first in brackets") }
                break
            }
            isFirst = false
            if take("&&") { throw problem("`&&` in brackets") }
            if take("[:") { throw problem("a POSIX class") }
            if take("[") {
                set.nested.append(try bracket())
                continue
            }
            var lower = next
            if next == 0x5C {
                if take("\\b") {
                    lower = 0x08
                } else {
                    switch try escapedSet() {
                    case .scalar(let scalar): lower = scalar
                    case .set(let inner):
                        set.classes.formUnion(inner.classes)
                        set.complements += inner.complements
                        continue
                    }
                }
            } else {
                position += 1
            }
            try addRange(from: lower, to: &set)
        }
        set.finish()
        return set
    }

    private mutating func addRange(from lower: UInt32, to set: inout ScalarSet) throws(TokenizerError) {
        var upper = lower
        if current == 0x2D, position + 1 < scalars.count, scalars[position + 1] != 0x5D {
            position += 1
            guard let next = current, next != 0x5B else { throw problem("a range without an end") }
            if next == 0x5C {
                guard case .scalar(let scalar) = try escapedSet() else { throw problem("a range without an end") }
                upper = scalar
            } else {
                position += 1
                upper = next
            }
            guard lower <= upper else { throw problem("a range from high to low") }
        }
        set.ranges.append(lower...upper)
        if ignoresCase {
            guard upper - lower < 1024 else { throw problem("a long range under (?i)") }
            for scalar in lower...upper { set.ranges += Self.caseVariants(scalar).map { $0...$0 } }
        }
    }
}
