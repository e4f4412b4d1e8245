/// JSON as RFC 8259 defines it, with duplicate keys refused and numbers kept as text.
///
/// Foundation's decoders keep one of two equal keys without a word, so two readers of one file could see different
/// tensors. Keys that are canonically equivalent in Unicode count as equal, as for every Swift dictionary.
enum StrictJSON: Equatable {
    case object([Member])
    case array([StrictJSON])
    case string(String)
    /// The number's text.
    case number(String)
    case boolean(Bool)
    case null

    struct Member: Equatable {
        var key: String
        var value: StrictJSON
    }

    enum Failure: Error, Equatable {
        case malformed(at: Int, String)
        case duplicateKey(String)
    }

    /// Objects and arrays inside one another beyond this depth are refused, before the stack is exhausted.
    static let maximumDepth = 64

    init(parsing bytes: UnsafeBufferPointer<UInt8>) throws(Failure) {
        var parser = Parser(bytes: bytes)
        self = try parser.document()
    }

    /// The value as an integer that is not negative, has no fraction and no exponent, and fits into `Int`.
    var naturalNumber: Int? {
        guard case .number(let text) = self, text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
        return Int(text)
    }
}

private struct Parser {
    let bytes: UnsafeBufferPointer<UInt8>
    var position = 0
    var depth = 0

    mutating func document() throws(StrictJSON.Failure) -> StrictJSON {
        let value = try value()
        skipSpace()
        guard position == bytes.count else { throw fail("something follows the value") }
        return value
    }

    private func fail(_ problem: String) -> StrictJSON.Failure { .malformed(at: position, problem) }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func value() throws(StrictJSON.Failure) -> StrictJSON {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case .some: return try number()
        case nil: throw fail("it ends where a value is expected")
        }
    }

    private mutating func word(_ word: StaticString, _ value: StrictJSON) throws(StrictJSON.Failure) -> StrictJSON {
        for index in 0..<word.utf8CodeUnitCount {
            guard take(word.utf8Start[index]) else { throw fail("expected \(word)") }
        }
        return value
    }

    private mutating func enter() throws(StrictJSON.Failure) {
        depth += 1
        position += 1
        if depth > StrictJSON.maximumDepth { throw fail("more than \(StrictJSON.maximumDepth) levels of nesting") }
    }

    private mutating func object() throws(StrictJSON.Failure) -> StrictJSON {
        try enter()
        defer { depth -= 1 }
        var members: [StrictJSON.Member] = []
        var keys: Set<String> = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw fail("expected a key in quotation marks") }
            let key = try string()
            guard keys.insert(key).inserted else { throw .duplicateKey(key) }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw fail("expected a colon after a key") }
            members.append(StrictJSON.Member(key: key, value: try value()))
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { throw fail("expected a comma or a closing brace") }
        }
    }

    private mutating func array() throws(StrictJSON.Failure) -> StrictJSON {
        try enter()
        defer { depth -= 1 }
        var elements: [StrictJSON] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            elements.append(try value())
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(elements) }
            guard take(UInt8(ascii: ",")) else { throw fail("expected a comma or a closing bracket") }
        }
    }

    private mutating func digits() throws(StrictJSON.Failure) {
        let start = position
        while let byte = next, byte >= 48, byte <= 57 { position += 1 }
        if position == start { throw fail("expected a digit") }
    }

    private mutating func number() throws(StrictJSON.Failure) -> StrictJSON {
        let start = position
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        if take(UInt8(ascii: ".")) { try digits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func string() throws(StrictJSON.Failure) -> String {
        let start = position
        position += 1
        var content: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else {
                    position = start
                    throw fail("a string that is not UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): content.append(contentsOf: String(try escape()).utf8)
            case 0..<0x20: throw fail("a control character in a string")
            default: content.append(byte)
            }
        }
        throw fail("a string without an end")
    }

    private mutating func escape() throws(StrictJSON.Failure) -> Unicode.Scalar {
        guard let byte = next else { throw fail("a string without an end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if code & 0xFC00 == 0xD800, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
                let low = try hexadecimal()
                guard low & 0xFC00 == 0xDC00 else { throw fail("half of a surrogate pair") }
                code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
            }
            guard let scalar = Unicode.Scalar(code) else { throw fail("half of a surrogate pair") }
            return scalar
        default: throw fail("an unknown escape in a string")
        }
    }

    private mutating func hexadecimal() throws(StrictJSON.Failure) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw fail("expected four hexadecimal digits")
            }
            position += 1
            code = code << 4 | UInt32(digit)
        }
        return code
    }
}

extension String {
    /// As a JSON string, with quotation marks.
    var asJSON: String {
        var result = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\0"..<" ":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
