/// Finds one string member of a JSON object (RFC 8259) without building the object.
///
/// The whole line is checked, so that a line cut off in the middle is not taken for a shorter document. Beyond the
/// standard, `NaN` and `Infinity` are accepted as values, which Python writes; of repeated members the last counts.
package struct JSONLineScanner {
    package enum Result: Equatable {
        /// The bytes between the quotes, and whether they hold escapes.
        case found(Range<Int>, hasEscapes: Bool)
        /// There is no such member, or its value is not a string.
        case missing(String)
        case malformed(String)
    }

    private struct Malformed: Error {
        var reason: String
    }

    private static let maximumDepth = 512

    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    /// - Parameters:
    ///   - line: one JSON object, with white space around it at most.
    ///   - field: name of the member.
    package static func scan(_ line: UnsafeRawBufferPointer, field: [UInt8]) -> Result {
        var scanner = JSONLineScanner(bytes: line)
        do {
            return try scanner.object(field: field)
        } catch let malformed as Malformed {
            return .malformed("\(malformed.reason) at column \(scanner.position + 1)")
        } catch {
            return .malformed("\(error)")
        }
    }

    private init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private mutating func object(field: [UInt8]) throws -> Result {
        var result = Result.missing("the object has no such member")
        skipSpace()
        guard next() == UInt8(ascii: "{") else { throw Malformed(reason: "the line is not a JSON object") }
        position += 1
        skipSpace()
        if next() == UInt8(ascii: "}") {
            position += 1
        } else {
            while true {
                let key = try string()
                try expect(UInt8(ascii: ":"))
                skipSpace()
                if matches(key, field) {
                    if next() == UInt8(ascii: "\"") {
                        let value = try string()
                        result = .found(value.range, hasEscapes: value.hasEscapes)
                    } else {
                        try value(depth: 1)
                        result = .missing("its value is not a string")
                    }
                } else {
                    try value(depth: 1)
                }
                if try isEnd(UInt8(ascii: "}")) { break }
                skipSpace()
            }
        }
        skipSpace()
        if position < bytes.count { throw Malformed(reason: "something follows the JSON object") }
        return result
    }

    private func matches(_ key: (range: Range<Int>, hasEscapes: Bool), _ field: [UInt8]) -> Bool {
        let raw = UnsafeRawBufferPointer(rebasing: bytes[key.range])
        guard key.hasEscapes else { return raw.elementsEqual(field) }
        var decoded: [UInt8] = []
        _ = JSONEscapes.append(raw, to: &decoded)
        return decoded == field
    }

    /// Passes over any value.
    private mutating func value(depth: Int) throws {
        guard depth <= Self.maximumDepth else { throw Malformed(reason: "the JSON is nested too deeply") }
        guard let first = next() else { throw Malformed(reason: "the JSON ends too early") }
        switch first {
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "{"): try container(closing: UInt8(ascii: "}"), hasKeys: true, depth: depth)
        case UInt8(ascii: "["): try container(closing: UInt8(ascii: "]"), hasKeys: false, depth: depth)
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        case UInt8(ascii: "N"): try word("NaN")
        case UInt8(ascii: "I"): try word("Infinity")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
        default: throw Malformed(reason: "unexpected character in JSON")
        }
    }

    private mutating func container(closing: UInt8, hasKeys: Bool, depth: Int) throws {
        position += 1
        skipSpace()
        if next() == closing {
            position += 1
            return
        }
        repeat {
            skipSpace()
            if hasKeys {
                _ = try string()
                try expect(UInt8(ascii: ":"))
                skipSpace()
            }
            try value(depth: depth + 1)
        } while try !isEnd(closing)
    }

    /// After a member or element: whether the container closes (true) or goes on after a comma (false).
    private mutating func isEnd(_ closing: UInt8) throws -> Bool {
        skipSpace()
        guard let byte = next() else { throw Malformed(reason: "the JSON ends too early") }
        guard byte == closing || byte == UInt8(ascii: ",") else {
            throw Malformed(reason: "expected a comma or the end of the object or array")
        }
        position += 1
        return byte == closing
    }

    private mutating func expect(_ byte: UInt8) throws {
        skipSpace()
        guard next() == byte else {
            throw Malformed(reason: "expected '\(Character(Unicode.Scalar(byte)))'")
        }
        position += 1
    }

    private mutating func word(_ word: StaticString) throws {
        let text = UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        guard bytes[position...].starts(with: text) else { throw Malformed(reason: "unexpected word in JSON") }
        position += text.count
    }

    private mutating func number() throws {
        if next() == UInt8(ascii: "-") {
            position += 1
            if next() == UInt8(ascii: "I") { return try word("Infinity") }
        }
        if next() == UInt8(ascii: "0") { position += 1 } else { try digits() }
        if next() == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if let byte = next(), byte | 0x20 == UInt8(ascii: "e") {
            position += 1
            if let sign = next(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
    }

    private mutating func digits() throws {
        let start = position
        while let byte = next(), byte &- UInt8(ascii: "0") < 10 { position += 1 }
        if position == start { throw Malformed(reason: "malformed number in JSON") }
    }

    /// Passes over a string and checks it.
    private mutating func string() throws -> (range: Range<Int>, hasEscapes: Bool) {
        guard next() == UInt8(ascii: "\"") else { throw Malformed(reason: "expected a string") }
        position += 1
        let start = position
        var hasEscapes = false
        while true {
            skipPlain()
            guard let byte = next() else { throw Malformed(reason: "the JSON ends within a string") }
            position += 1
            if byte == UInt8(ascii: "\"") { return (start..<position - 1, hasEscapes) }
            if byte < 0x20 { throw Malformed(reason: "control character in a JSON string") }
            guard byte == UInt8(ascii: "\\") else { continue }
            hasEscapes = true
            guard let escape = next() else { throw Malformed(reason: "the JSON ends within a string") }
            position += 1
            switch escape {
            case UInt8(ascii: "u"):
                guard bytes.count - position >= 4, JSONEscapes.unit(bytes, at: position) != nil else {
                    throw Malformed(reason: "malformed \\u escape in JSON")
                }
                position += 4
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
                UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
                break
            default: throw Malformed(reason: "unknown escape in JSON")
            }
        }
    }

    /// Passes over bytes that mean themselves within a string, eight at a time.
    @inline(__always)
    private mutating func skipPlain() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        while bytes.count - position >= 8 {
            let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let found =
                ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- ones &* 0x20) & ~word)
            if found & tops != 0 { break }
            position += 8
        }
        while let byte = next(), byte != 0x22 && byte != 0x5C && byte >= 0x20 { position += 1 }
    }

    private mutating func skipSpace() {
        while let byte = next(), byte == 0x20 || (byte >= 0x09 && byte <= 0x0D && byte != 0x0B && byte != 0x0C) {
            position += 1
        }
    }

    @inline(__always)
    private func next() -> UInt8? { position < bytes.count ? bytes[position] : nil }
}
