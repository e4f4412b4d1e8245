/// One pre-tokenizer of a sequence.
enum PreTokenizerStep: Sendable {
    case pattern(Pattern, SplitBehavior, isInverted: Bool)
    /// Each scalar of these classes is a match; so is each other scalar's run a gap.
    case scalars(CharacterClass, SplitBehavior)
    /// Each occurrence of one scalar is a match.
    case delimiter(UInt32)
    /// Keeps runs of word characters and runs of what is neither word nor space.
    case whitespace
    /// Turns text into the byte alphabet, after putting a space in front and cutting by GPT-2's pattern.
    case byteLevel(addsPrefixSpace: Bool, usesPattern: Bool)
    /// Puts signs in place of spaces and cuts before them; what it does to the text is `PieceCutter`'s affair.
    case metaspace(Metaspace)
    /// Cuts before each occurrence of one scalar.
    case sign(UInt32)

    /// Reads a pre-tokenizer of tokenizer.json; a sequence gives several steps.
    static func read(_ json: JSONValue, depth: Int = 0) throws(TokenizerError) -> [PreTokenizerStep] {
        let component = try JSONComponent("pre_tokenizer", json)
        switch try component.type() {
        case "Sequence":
            guard depth < 20 else { throw .invalid(component: "pre_tokenizer", problem: "nested too deeply") }
            var steps: [PreTokenizerStep] = []
            for each in try component.array("pretokenizers") { steps += try read(each, depth: depth + 1) }
            return steps
        case "ByteLevel":
            return [
                .byteLevel(
                    addsPrefixSpace: try component.bool("add_prefix_space", default: true),
                    usesPattern: try component.bool("use_regex", default: true))
            ]
        case "Metaspace": return [.metaspace(try Metaspace(component))]
        case "Split": return try split(component)
        case "Digits":
            let individual = try component.bool("individual_digits", default: false)
            return [.scalars(.numeric, individual ? .isolated : .contiguous)]
        case "Punctuation": return [.scalars(.punctuationSplit, try behavior(component, default: .isolated))]
        case "WhitespaceSplit": return [.scalars(.whitespace, .removed)]
        case "Whitespace": return [.whitespace]
        case "BertPreTokenizer": return [.scalars(.whitespace, .removed), .scalars(.punctuationSplit, .isolated)]
        case "CharDelimiterSplit":
            let delimiter = Array(try component.string("delimiter").unicodeScalars)
            guard delimiter.count == 1 else {
                throw .invalid(component: "pre_tokenizer", problem: "`delimiter` must be one character")
            }
            return [.delimiter(delimiter[0].value)]
        case let other: throw .unsupported(component: "pre_tokenizer", problem: "type \(other)")
        }
    }

    private static func split(_ component: JSONComponent) throws(TokenizerError) -> [PreTokenizerStep] {
        guard let pattern = try PatternSource.read(component) else { return [] }
        return [
            .pattern(
                pattern, try behavior(component, default: nil),
                isInverted: try component.bool("invert", default: false))
        ]
    }

    private static func behavior(
        _ component: JSONComponent, default standard: SplitBehavior?
    ) throws(TokenizerError) -> SplitBehavior {
        if let standard, component.optional("behavior") == nil { return standard }
        let name = try component.string("behavior")
        guard let behavior = SplitBehavior(rawValue: name) else {
            throw .invalid(component: component.name, problem: "`behavior` \(name) is unknown")
        }
        return behavior
    }

    /// Cuts one piece of the text.
    func cut(_ text: UnsafeBufferPointer<UInt32>) -> [Range<Int>] {
        switch self {
        case .pattern(let pattern, let behavior, let isInverted):
            return behavior.pieces(Self.parts(pattern, text, isInverted))
        case .scalars(let classes, let behavior):
            let table = CharacterTable.shared
            return behavior.pieces(Self.parts(text) { !classes.isDisjoint(with: table[$0]) })
        case .delimiter(let delimiter):
            return SplitBehavior.removed.pieces(Self.parts(text) { $0 == delimiter })
        case .whitespace: return Self.words(text)
        case .sign(let sign): return SplitBehavior.mergedWithNext.pieces(Self.parts(text) { $0 == sign })
        case .byteLevel, .metaspace: return [0..<text.count]
        }
    }

    private static func parts(
        _ pattern: Pattern, _ text: UnsafeBufferPointer<UInt32>, _ isInverted: Bool
    ) -> [(range: Range<Int>, isMatch: Bool)] {
        var matcher = PatternMatcher(pattern, text)
        var parts: [(range: Range<Int>, isMatch: Bool)] = []
        var position = 0
        while let match = matcher.find(from: position) {
            if position < match.lowerBound { parts.append((position..<match.lowerBound, isInverted)) }
            parts.append((match, !isInverted))
            position = match.upperBound
        }
        if position < text.count { parts.append((position..<text.count, isInverted)) }
        return parts
    }

    private static func parts(
        _ text: UnsafeBufferPointer<UInt32>, _ isMatch: (UInt32) -> Bool
    ) -> [(range: Range<Int>, isMatch: Bool)] {
        var parts: [(range: Range<Int>, isMatch: Bool)] = []
        var gap = 0
        for position in 0..<text.count where isMatch(text[position]) {
            if gap < position { parts.append((gap..<position, false)) }
            parts.append((position..<(position + 1), true))
            gap = position + 1
        }
        if gap < text.count { parts.append((gap..<text.count, false)) }
        return parts
    }

    /// `\w+|[^\w\s]+`, with what lies between left out.
    private static func words(_ text: UnsafeBufferPointer<UInt32>) -> [Range<Int>] {
        let table = CharacterTable.shared
        func kind(_ scalar: UInt32) -> Int {
            let known = table[scalar]
            return known.contains(.word) ? 1 : known.contains(.whitespace) ? 0 : 2
        }
        var pieces: [Range<Int>] = []
        var start = 0
        while start < text.count {
            let wanted = kind(text[start])
            var end = start + 1
            while end < text.count, kind(text[end]) == wanted { end += 1 }
            if wanted != 0 { pieces.append(start..<end) }
            start = end
        }
        return pieces
    }
}

/// The `pattern` of Split and Replace: `{"Regex": ...}` or `{"String": ...}`.
enum PatternSource {
    /// - Returns: nil for the empty string, which matches nowhere.
    static func read(_ component: JSONComponent) throws(TokenizerError) -> Pattern? {
        if let source = component.value["pattern"]?["Regex"]?.text { return try Pattern(source) }
        guard let literal = component.value["pattern"]?["String"]?.text else {
            throw .invalid(component: component.name, problem: "`pattern` must be a Regex or a String")
        }
        return literal.isEmpty ? nil : Pattern(literal: literal)
    }
}
