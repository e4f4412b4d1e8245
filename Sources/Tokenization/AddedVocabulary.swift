/// The added tokens of a tokenizer and the search for them in a text.
struct AddedVocabulary: Sendable {
    let tokens: [AddedToken]
    private let ids: [[UInt8]: Int32]
    private let specialIDs: Set<Int32>
    /// What tokens that are looked for in normalized text read as there, where that is not their content.
    private let normalizedContents: [Int32: [UInt8]]
    private let raw: TokenTrie
    private let normalized: TokenTrie
    private let hasOrdinary: Bool

    /// - Parameter normalizer: what the contents of normalized tokens go through before they are looked for.
    init(_ tokens: [AddedToken], normalizer: Normalizer?) {
        self.tokens = tokens
        ids = Dictionary(tokens.map { (Array($0.content.utf8), $0.id) }, uniquingKeysWith: { $1 })
        specialIDs = Set(tokens.filter(\.special).map(\.id))
        var raw = TokenTrie()
        var normalized = TokenTrie()
        var normalizedContents: [Int32: [UInt8]] = [:]
        for (index, token) in tokens.enumerated() {
            let content = Array(token.content.utf8)
            if token.normalized {
                let text = content.withUnsafeBufferPointer { normalizer?.normalize($0) } ?? content
                normalized.insert(text, index)
                if text != content { normalizedContents[token.id] = text }
            } else {
                raw.insert(content, index)
            }
        }
        self.raw = raw
        self.normalized = normalized
        self.normalizedContents = normalizedContents
        hasOrdinary = tokens.contains { !$0.special }
    }

    func id(of content: String) -> Int32? { ids[Array(content.utf8)] }

    func isSpecial(_ id: Int32) -> Bool { specialIDs.contains(id) }

    /// What a token that is looked for in normalized text reads as there; nil where that is its content.
    func normalizedContent(of id: Int32) -> [UInt8]? { normalizedContents[id] }

    /// Whether a text has to be searched at all.
    func looks(for parsing: AddedTokenParsing) -> Bool {
        switch parsing {
        case .none: false
        case .ordinary: hasOrdinary
        case .all: !tokens.isEmpty
        }
    }

    /// Whether there is anything to look for in normalized text.
    func looksInNormalized(for parsing: AddedTokenParsing) -> Bool { looks(for: parsing) && !normalized.isEmpty }

    /// A part of a text: an added token, or text for the model where `id` is nil.
    struct Segment {
        var id: Int32?
        var range: Range<Int>
    }

    /// Parts a text at its added tokens: the longest at the leftmost place first, as `tokenizers` looks for them.
    func split(
        _ text: UnsafeBufferPointer<UInt8>, _ parsing: AddedTokenParsing, normalized wanted: Bool
    ) -> [Segment] {
        let trie = wanted ? normalized : raw
        guard looks(for: parsing), !trie.isEmpty, !text.isEmpty else { return [Segment(range: 0..<text.count)] }
        var segments: [Segment] = []
        var rest = 0
        var position = 0
        while let match = trie.find(in: text, from: position) {
            position = match.end
            let token = tokens[match.token]
            if token.special, parsing == .ordinary { continue }
            var start = match.start
            var stop = match.end
            if token.singleWord, touchesWord(text, start, stop) { continue }
            if token.stripsLeft { start = spaceStart(text, before: start) }
            if token.stripsRight { stop = spaceEnd(text, after: stop) }
            // The one before may have taken the blanks that this one is made of.
            start = max(rest, start)
            if stop <= start { continue }
            if rest < start { segments.append(Segment(range: rest..<start)) }
            segments.append(Segment(id: token.id, range: start..<stop))
            rest = stop
        }
        if rest < text.count { segments.append(Segment(range: rest..<text.count)) }
        return segments
    }

    private func touchesWord(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ stop: Int) -> Bool {
        let before = start > 0 && characterBefore(text, start).class.contains(.word)
        let after = stop < text.count && character(text, stop).class.contains(.word)
        return before || after
    }

    private func spaceStart(_ text: UnsafeBufferPointer<UInt8>, before end: Int) -> Int {
        var position = end
        while position > 0, case let previous = characterBefore(text, position), previous.class.contains(.whitespace) {
            position -= previous.length
        }
        return position
    }

    private func spaceEnd(_ text: UnsafeBufferPointer<UInt8>, after start: Int) -> Int {
        var position = start
        while position < text.count, case let next = character(text, position), next.class.contains(.whitespace) {
            position += next.length
        }
        return position
    }

    private func character(
        _ text: UnsafeBufferPointer<UInt8>, _ position: Int
    ) -> (class: CharacterClass, length: Int) {
        guard let base = text.baseAddress else { return (.invalid, 1) }
        let (scalar, length) = decodeScalar(base, at: position, end: text.count)
        return (CharacterTable.shared[scalar], length)
    }

    private func characterBefore(
        _ text: UnsafeBufferPointer<UInt8>, _ end: Int
    ) -> (class: CharacterClass, length: Int) {
        var start = end - 1
        while start > 0, end - start < 4, text[start] & 0xC0 == 0x80 { start -= 1 }
        let found = character(text, start)
        return found.length == end - start ? found : character(text, end - 1)
    }
}

/// Byte trie of token contents for leftmost-longest search.
struct TokenTrie: Sendable {
    private struct Node {
        var children: [UInt8: Int32] = [:]
        var token: Int32 = -1
    }

    private var nodes = [Node()]
    private var isFirst = [Bool](repeating: false, count: 256)

    var isEmpty: Bool { nodes.count == 1 }

    mutating func insert(_ content: [UInt8], _ token: Int) {
        guard let first = content.first else { return }
        isFirst[Int(first)] = true
        var node = 0
        for byte in content {
            if let next = nodes[node].children[byte] {
                node = Int(next)
            } else {
                nodes.append(Node())
                nodes[node].children[byte] = Int32(nodes.count - 1)
                node = nodes.count - 1
            }
        }
        if nodes[node].token < 0 { nodes[node].token = Int32(token) }
    }

    /// The first token from a position on, the longest of those that start there.
    func find(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> (token: Int, start: Int, end: Int)? {
        for position in start..<max(start, text.count) where isFirst[Int(text[position])] {
            var node = 0
            var best: (token: Int, end: Int)?
            var end = position
            while end < text.count, let next = nodes[node].children[text[end]] {
                node = Int(next)
                end += 1
                if nodes[node].token >= 0 { best = (Int(nodes[node].token), end) }
            }
            if let best { return (best.token, position, best.end) }
        }
        return nil
    }
}
