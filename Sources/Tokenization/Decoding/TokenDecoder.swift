/// Turns tokens that are text back into the text of a sentence: the `decoder` of tokenizer.json.
struct TokenDecoder: Sendable {
    private enum Step: Sendable {
        /// Tokens with the prefix go on with the word, others begin one; `cleansUp`: no spaces before punctuation.
        case wordPiece(prefix: [UInt8], cleansUp: Bool)
        case metaspace(sign: [UInt8], dropsFirst: Bool)
        /// `<0x41>` is a byte.
        case byteFallback
        case fuse
        case strip(content: [UInt8], start: Int, stop: Int)
        case replace(from: [UInt8], to: [UInt8])
    }

    /// Nil: tokens with spaces between them.
    private let steps: [Step]?

    /// - Throws: `TokenizerError`, for what is malformed or unsupported.
    init(_ json: JSONValue?) throws(TokenizerError) {
        guard let json, !json.isNull else {
            steps = nil
            return
        }
        let steps = try Self.read(json, depth: 0)
        var growth = TextGrowth()
        for case .replace(let from, let to) in steps { try growth.multiply(to.count, by: from.count, in: "decoder") }
        self.steps = steps
    }

    private static func read(_ json: JSONValue, depth: Int) throws(TokenizerError) -> [Step] {
        let component = try JSONComponent("decoder", json)
        switch try component.type() {
        case "WordPiece":
            let prefix = component.optional("prefix") == nil ? "##" : try component.string("prefix")
            return [.wordPiece(prefix: Array(prefix.utf8), cleansUp: try component.bool("cleanup", default: true))]
        case "Metaspace":
            let metaspace = try Metaspace(component)
            var sign: [UInt8] = []
            appendUTF8(metaspace.sign, to: &sign)
            return [.metaspace(sign: sign, dropsFirst: metaspace.prepends != .never)]
        case "ByteFallback": return [.byteFallback]
        case "Fuse": return [.fuse]
        case "Strip":
            return [
                .strip(
                    content: Array(try component.string("content").utf8),
                    start: try component.count("start", default: 0), stop: try component.count("stop", default: 0))
            ]
        case "Replace":
            guard let text = component.value["pattern"]?["String"]?.bytes, !text.isEmpty else {
                throw .unsupported(component: "decoder", problem: "a Replace of something else than a String")
            }
            return [.replace(from: text, to: Array(try component.string("content").utf8))]
        case "Sequence":
            guard depth < 20 else { throw .invalid(component: "decoder", problem: "nested too deeply") }
            var steps: [Step] = []
            for each in try component.array("decoders") { steps += try read(each, depth: depth + 1) }
            return steps
        case let other: throw .unsupported(component: "decoder", problem: "type \(other)")
        }
    }

    /// The text of a sentence's tokens.
    func text(_ tokens: [[UInt8]]) -> [UInt8] {
        guard let steps else { return Array(tokens.joined(separator: [0x20])) }
        var tokens = tokens
        for step in steps { Self.apply(step, to: &tokens) }
        return Array(tokens.joined())
    }

    private static func apply(_ step: Step, to tokens: inout [[UInt8]]) {
        switch step {
        case .wordPiece(let prefix, let cleansUp):
            for index in tokens.indices {
                if index > 0 {
                    let goesOn = tokens[index].starts(with: prefix)
                    tokens[index] = goesOn ? Array(tokens[index].dropFirst(prefix.count)) : [0x20] + tokens[index]
                }
                guard cleansUp else { continue }
                for (from, to) in cleanings { tokens[index] = replaced(tokens[index], from, to) }
            }
        case .metaspace(let sign, let dropsFirst):
            for index in tokens.indices {
                tokens[index] = replaced(tokens[index], sign, index == 0 && dropsFirst ? [] : [0x20])
            }
        case .byteFallback: tokens = joinedBytes(tokens)
        case .fuse: tokens = [Array(tokens.joined())]
        case .strip(let content, let start, let stop):
            guard !content.isEmpty else { return }
            for index in tokens.indices {
                var (left, right) = (start, stop)
                while left > 0, tokens[index].starts(with: content) {
                    tokens[index].removeFirst(content.count)
                    left -= 1
                }
                while right > 0, tokens[index].reversed().starts(with: content.reversed()) {
                    tokens[index].removeLast(content.count)
                    right -= 1
                }
            }
        case .replace(let from, let to):
            for index in tokens.indices { tokens[index] = replaced(tokens[index], from, to) }
        }
    }

    /// What `tokenizers` cleans up, in its order.
    private static let cleanings: [(from: [UInt8], to: [UInt8])] = [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
        (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ].map { (Array($0.0.utf8), Array($0.1.utf8)) }

    private static func replaced(_ text: [UInt8], _ from: [UInt8], _ to: [UInt8]) -> [UInt8] {
        guard !from.isEmpty, text.count >= from.count else { return text }
        var result: [UInt8] = []
        var position = 0
        while position < text.count {
            if text[position] == from[0], text[position...].starts(with: from) {
                result += to
                position += from.count
            } else {
                result.append(text[position])
                position += 1
            }
        }
        return result
    }

    /// Runs of tokens of bytes as the text that they are, or U+FFFD for each byte if they are none.
    private static func joinedBytes(_ tokens: [[UInt8]]) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var bytes: [UInt8] = []
        func flush() {
            if bytes.isEmpty { return }
            let isText = bytes.withUnsafeBytes { UTF8Repair.firstInvalid($0) } == nil
            if isText { result.append(bytes) } else { result += bytes.map { _ in [0xEF, 0xBF, 0xBD] } }
            bytes = []
        }
        for token in tokens {
            if let byte = byte(token) {
                bytes.append(byte)
            } else {
                flush()
                result.append(token)
            }
        }
        flush()
        return result
    }

    /// The byte of `<0x41>`.
    private static func byte(_ token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: Array("<0x".utf8)), token[5] == UInt8(ascii: ">"),
            let high = hexadecimalDigit(token[3]), let low = hexadecimalDigit(token[4])
        else { return nil }
        return UInt8(high << 4 | low)
    }
}
