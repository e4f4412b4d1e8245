/// Reads JSON (RFC 8259) of any size; nesting is limited so that a hostile file cannot exhaust the stack.
struct JSONReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var depth = 0
    private static let maximumDepth = 200

    static func read(_ bytes: UnsafeBufferPointer<UInt8>) throws(TokenizerError) -> JSONValue {
        var reader = JSONReader(bytes: bytes)
        reader.skipSpace()
        let value = try reader.value()
        reader.skipSpace()
        guard reader.position == bytes.count else { throw reader.problem("text after the end of the value") }
        return value
    }

    private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func problem(_ text: String) -> TokenizerError { .malformedJSON(offset: position, problem: text) }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(TokenizerError) {
        guard current == UInt8(ascii: character) else {
            throw problem(current == nil ? "the text ends too early" : "expected `\(character)`")
        }
        position += 1
    }

    private mutating func value() throws(TokenizerError) -> JSONValue {
        guard let first = current else { throw problem("the text ends too early") }
        switch first {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw problem("unexpected character")
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(TokenizerError) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            guard current == text.utf8Start[index] else { throw problem("expected `\(text)`") }
            position += 1
        }
        return value
    }

    private mutating func enter() throws(TokenizerError) {
        depth += 1
        guard depth <= Self.maximumDepth else { throw problem("nested too deeply") }
    }

    private mutating func object() throws(TokenizerError) -> JSONValue {
        try enter()
        defer { depth -= 1 }
        try expect("{")
        var members: [JSONValue.Member] = []
        skipSpace()
        if current == UInt8(ascii: "}") {
            position += 1
            return .object(members)
        }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else {
                throw problem(current == nil ? "the text ends too early" : "expected a key")
            }
            let key = try string()
            skipSpace()
            try expect(":")
            skipSpace()
            members.append(.init(key: key, value: try value()))
            skipSpace()
            if current == UInt8(ascii: ",") {
                position += 1
                continue
            }
            try expect("}")
            return .object(members)
        }
    }

    private mutating func array() throws(TokenizerError) -> JSONValue {
        try enter()
        defer { depth -= 1 }
        try expect("[")
        var values: [JSONValue] = []
        skipSpace()
        if current == UInt8(ascii: "]") {
            position += 1
            return .array(values)
        }
        while true {
            skipSpace()
            values.append(try value())
            skipSpace()
            if current == UInt8(ascii: ",") {
                position += 1
                continue
            }
            try expect("]")
            return .array(values)
        }
    }

    private mutating func number() throws(TokenizerError) -> JSONValue {
        let start = position
        var whole = true
        while let byte = current {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): break
            case UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): whole = false
            default:
                return try finishNumber(start, whole)
            }
            position += 1
        }
        return try finishNumber(start, whole)
    }

    private func finishNumber(_ start: Int, _ whole: Bool) throws(TokenizerError) -> JSONValue {
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if whole, let value = Int(text) { return .integer(value) }
        guard let value = Double(text) else {
            throw .malformedJSON(offset: start, problem: "`\(text.prefix(40))` is not a number")
        }
        return .number(value)
    }

    private mutating func string() throws(TokenizerError) -> [UInt8] {
        try expect("\"")
        let start = position
        while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { position += 1 }
        var result = Array(bytes[start..<position])
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                guard result.withUnsafeBytes({ UTF8Repair.firstInvalid($0) }) == nil else {
                    throw problem("the string before this byte is not UTF-8")
                }
                position += 1
                return result
            case UInt8(ascii: "\\"):
                position += 1
                try escape(into: &result)
            case 0..<0x20: throw problem("a control character in a string")
            default:
                result.append(byte)
                position += 1
            }
        }
        throw problem("the text ends inside a string")
    }

    private mutating func escape(into result: inout [UInt8]) throws(TokenizerError) {
        guard let byte = current else { throw problem("the text ends inside a string") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0C)
        case UInt8(ascii: "n"): result.append(0x0A)
        case UInt8(ascii: "r"): result.append(0x0D)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "u"):
            var scalar = try hexadecimal()
            if scalar & 0xFC00 == 0xD800, current == UInt8(ascii: "\\"), position + 1 < bytes.count,
                bytes[position + 1] == UInt8(ascii: "u")
            {
                position += 2
                let low = try hexadecimal()
                guard low & 0xFC00 == 0xDC00 else { throw problem("half of a surrogate pair") }
                scalar = 0x10000 + (scalar & 0x3FF) << 10 + (low & 0x3FF)
            }
            guard scalar & 0xFFFF_F800 != 0xD800 else { throw problem("half of a surrogate pair") }
            appendUTF8(scalar, to: &result)
        default: throw problem("unknown escape")
        }
    }

    private mutating func hexadecimal() throws(TokenizerError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = hexadecimalDigit(byte) else {
                throw problem("four hexadecimal digits are missing")
            }
            value = value << 4 | digit
            position += 1
        }
        return value
    }
}

/// The value of a hexadecimal digit in either case.
func hexadecimalDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
    default: nil
    }
}
