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

        var isFound: Bool { if case .found = self { true } else { false } }
    }

    private struct Malformed: Error {
        var reason: String
    }

    private static let maximumDepth = 512
    /// Names of members in a message.
    private static let shownNames = 12

    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    /// - Parameters:
    ///   - line: one JSON object, with white space around it at most.
    ///   - field: name of the member; `a.b` is the member `b` of the object `a` where no member has that name as it is.
    package static func scan(_ line: UnsafeRawBufferPointer, field: [UInt8]) -> Result {
        var scanner = JSONLineScanner(bytes: line)
        do {
            return try scanner.document(field: field)
        } catch let malformed as Malformed {
            return .malformed("\(malformed.reason) at column \(scanner.position + 1)")
        } catch {
            return .malformed("\(error)")
        }
    }

    private init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private mutating func document(field: [UInt8]) throws -> Result {
        skipSpace()
        let result = try object(field: field[...], depth: 0)
        skipSpace()
        if position < bytes.count { throw Malformed(reason: "something follows the JSON object") }
        return result
    }

    /// A member of the object whose name is all of `field`, else one of an object in it that its parts lead to.
    private mutating func object(field: ArraySlice<UInt8>, depth: Int) throws -> Result {
        var named: Result?
        var nested: Result?
        var names: [Range<Int>] = []
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
                let length = prefixLength(key, field)
                if length == field.count {
                    named = try text()
                } else if let length {
                    nested = try member(field.dropFirst(length + 1), named: key.range, depth: depth)
                } else {
                    if named == nil, names.count <= Self.shownNames { names.append(key.range) }
                    try value(depth: depth + 1)
                }
                if try isEnd(UInt8(ascii: "}")) { break }
                skipSpace()
            }
        }
        if let named, named.isFound { return named }
        if let nested, nested.isFound { return nested }
        return named ?? nested ?? .missing("the object has no such member (\(list(names)))")
    }

    /// A value that should be a string.
    private mutating func text() throws -> Result {
        guard next() == UInt8(ascii: "\"") else {
            try value(depth: 1)
            return .missing("its value is not a string")
        }
        let value = try string()
        return .found(value.range, hasEscapes: value.hasEscapes)
    }

    /// A member of a value that should be an object.
    private mutating func member(_ field: ArraySlice<UInt8>, named name: Range<Int>, depth: Int) throws -> Result {
        guard depth < Self.maximumDepth else { throw Malformed(reason: "the JSON is nested too deeply") }
        if next() == UInt8(ascii: "{") { return try object(field: field, depth: depth + 1) }
        try value(depth: depth + 1)
        return .missing("the value of \(list([name]).dropFirst(8)) is not an object")
    }

    /// The names as a part of a message.
    private func list(_ names: [Range<Int>]) -> String {
        if names.isEmpty { return "it has no fields" }
        let shown = names.prefix(Self.shownNames).map { range in
            String(decoding: bytes[range].prefix(40), as: UTF8.self) + (range.count > 40 ? "…" : "")
        }
        return "fields: " + shown.joined(separator: ", ") + (names.count > Self.shownNames ? ", …" : "")
    }

    /// How much of `field` a key makes up: all of it, or a part that a dot follows; nil if neither.
    private func prefixLength(_ key: (range: Range<Int>, hasEscapes: Bool), _ field: ArraySlice<UInt8>) -> Int? {
        let raw = UnsafeRawBufferPointer(rebasing: bytes[key.range])
        guard key.hasEscapes else { return prefixLength(raw, field) }
        var decoded: [UInt8] = []
        _ = JSONEscapes.append(raw, to: &decoded)
        return decoded.withUnsafeBytes { prefixLength($0, field) }
    }

    @inline(__always)
    private func prefixLength(_ name: UnsafeRawBufferPointer, _ field: ArraySlice<UInt8>) -> Int? {
        guard name.count <= field.count, field.starts(with: name) else { return nil }
        let rest = field.dropFirst(name.count)
        return rest.isEmpty || rest.first == UInt8(ascii: ".") && rest.count > 1 ? name.count : nil
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
