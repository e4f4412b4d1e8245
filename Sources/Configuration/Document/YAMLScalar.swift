/// YAML 1.2's core schema: what a plain scalar means, and how a value is written as one.
/// Beyond the schema, `_` may group digits (`1_000_000`). Source: YAML 1.2.2, section 10.3.
enum YAMLScalar {
    static func isNull(_ text: String) -> Bool {
        text.isEmpty || text == "~" || text == "null" || text == "Null" || text == "NULL"
    }

    static func flag(_ text: String) -> Bool? {
        switch text {
        case "true", "True", "TRUE": true
        case "false", "False", "FALSE": false
        default: nil
        }
    }

    enum Integer: Equatable {
        case value(Int)
        /// A whole number that Int cannot hold.
        case tooLarge
    }

    /// An integer in decimal, hexadecimal (`0x`) or octal (`0o`), or a floating-point number without fraction (`1e6`).
    static func integer(_ text: String) -> Integer? {
        guard let digits = withoutGrouping(text) else { return nil }
        for (prefix, radix) in [("0x", 16), ("0o", 8)] where digits.hasPrefix(prefix) {
            let rest = digits.dropFirst(2)
            guard !rest.isEmpty, rest.allSatisfy({ $0.isASCII && $0.hexDigitValue.map { $0 < radix } == true }) else {
                return nil
            }
            return Int(rest, radix: radix).map(Integer.value) ?? .tooLarge
        }
        guard isDecimalNumber(digits) else { return nil }
        if let value = Int(digits) { return .value(value) }
        guard let value = Double(digits) else { return nil }
        guard abs(value) < 0x1p63 else { return .tooLarge }
        return Int(exactly: value).map(Integer.value)
    }

    /// A floating-point number; infinite where a Double cannot hold it. Nil for `.inf` and `.nan` too.
    static func number(_ text: String) -> Double? {
        guard let digits = withoutGrouping(text) else { return nil }
        if isDecimalNumber(digits) { return Double(digits) }
        guard case .value(let value) = integer(digits) else { return nil }
        return Double(value)
    }

    static func isNotFinite(_ text: String) -> Bool {
        switch text.lowercased() {
        case ".inf", "-.inf", "+.inf", ".nan", "inf", "-inf", "+inf", "nan", "infinity", "-infinity": true
        default: false
        }
    }

    /// The text without `_` between digits; nil where `_` stands anywhere else.
    private static func withoutGrouping(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: "_")) else { return text }
        func isDigit(_ index: Int) -> Bool {
            bytes.indices.contains(index)
                && (bytes[index] >= UInt8(ascii: "0") && bytes[index] <= UInt8(ascii: "9")
                    || text.hasPrefix("0x") && Character(UnicodeScalar(bytes[index])).isHexDigit)
        }
        var kept: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            guard byte == UInt8(ascii: "_") else {
                kept.append(byte)
                continue
            }
            guard isDigit(index - 1), isDigit(index + 1) else { return nil }
        }
        return String(decoding: kept, as: UTF8.self)
    }

    /// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`: stricter than `Double.init`, which also
    /// takes hexadecimal fractions, `nan` and `infinity`.
    private static func isDecimalNumber(_ text: String) -> Bool {
        var rest = Substring(text).utf8[...]
        func dropSign() {
            if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        }
        func dropDigits() -> Int {
            let before = rest.count
            rest = rest.drop { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
            return before - rest.count
        }
        dropSign()
        var digits = dropDigits()
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            digits += dropDigits()
        }
        guard digits > 0 else { return false }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            dropSign()
            guard dropDigits() > 0 else { return false }
        }
        return rest.isEmpty
    }
}

// MARK: - Writing

extension YAMLScalar {
    /// The shortest text that reads back as the same Double, without `.0`.
    static func text(_ value: Double) -> String {
        if value.isNaN { return ".nan" }
        if value.isInfinite { return value < 0 ? "-.inf" : ".inf" }
        let text = "\(value)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// The text as a YAML scalar, in double quotes where a plain one would mean something else.
    static func text(_ value: String) -> String {
        isSafePlain(value) ? value : quoted(value)
    }

    /// The text as a double-quoted YAML scalar on one line.
    static func quoted(_ value: String) -> String {
        var result = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\0": result += "\\0"
            default: result += isPrintable(scalar) ? String(scalar) : escape(scalar)
            }
        }
        return result + "\""
    }

    private static func isPrintable(_ scalar: UnicodeScalar) -> Bool {
        switch scalar.value {
        case 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x1_0000...0x10_FFFF: true
        default: false
        }
    }

    private static func escape(_ scalar: UnicodeScalar) -> String {
        let digits = String(scalar.value, radix: 16)
        let (letter, width) = scalar.value <= 0xFF ? ("x", 2) : ("u", 4)
        return "\\" + letter + String(repeating: "0", count: width - digits.count) + digits
    }

    /// Whether the text, without quotes, is text to every YAML reader: a cautious subset, YAML 1.1 included.
    private static func isSafePlain(_ value: String) -> Bool {
        guard let first = value.utf8.first, let last = value.utf8.last, isPlainStart(first), last != UInt8(ascii: " ")
        else { return false }
        guard value.utf8.allSatisfy({ isPlainStart($0) || " +-*@%=~^".utf8.contains($0) }) else { return false }
        if isNull(value) || isNotFinite(value) || number(value) != nil || integer(value) != nil { return false }
        if ["true", "false", "yes", "no", "on", "off", "y", "n"].contains(value.lowercased()) { return false }
        return !value.utf8.allSatisfy { "0123456789._-+eExXo".utf8.contains($0) }
    }

    private static func isPlainStart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
