import Foundation

/// Encodes a value as JSON on one line: keys in snake_case and in the order in which the value encodes them.
///
/// `JSONEncoder` offers either no order or the alphabet's; a log that a person reads begins with the step. Numbers that
/// JSON cannot hold (NaN and the infinities) become null, so that every line is valid JSON.
public enum JSONLine {
    /// - Returns: The text without a line break.
    /// - Throws: What the value's `encode(to:)` throws.
    public static func encode(_ value: some Encodable) throws -> String {
        let slot = JSONSlot()
        try slot.store(value, codingPath: [])
        var text = ""
        slot.write(to: &text)
        return text
    }
}

/// A place in the tree of values; a container fills it in place, so it is a reference.
private final class JSONSlot {
    enum Content {
        case null
        /// Text that is JSON as it stands: numbers and flags.
        case literal(String)
        case string(String)
        case array([JSONSlot])
        case object([(key: String, value: JSONSlot)])
    }

    var content = Content.null

    func store<Value: Encodable>(_ value: Value, codingPath: [any CodingKey]) throws {
        switch value {
        case let flag as Bool: content = .literal(flag ? "true" : "false")
        case let text as String: content = .string(text)
        case let number as Double: content = number.isFinite ? .literal("\(number)") : .null
        case let number as Float: content = number.isFinite ? .literal("\(number)") : .null
        case let integer as any BinaryInteger: content = .literal("\(integer)")
        default: try value.encode(to: SlotEncoder(slot: self, codingPath: codingPath))
        }
    }

    /// A slot under a key; a key that is encoded twice keeps its place and takes the later value.
    func member(_ key: any CodingKey) -> JSONSlot {
        let name = JSONSlot.snakeCase(key.stringValue)
        guard case .object(var members) = content else {
            let slot = JSONSlot()
            content = .object([(name, slot)])
            return slot
        }
        if let existing = members.first(where: { $0.key == name }) { return existing.value }
        let slot = JSONSlot()
        members.append((name, slot))
        content = .object(members)
        return slot
    }

    func element() -> JSONSlot {
        let slot = JSONSlot()
        if case .array(let elements) = content {
            content = .array(elements + [slot])
        } else {
            content = .array([slot])
        }
        return slot
    }

    func write(to text: inout String) {
        switch content {
        case .null: text += "null"
        case .literal(let literal): text += literal
        case .string(let string): JSONSlot.write(string, to: &text)
        case .array(let elements):
            text += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { text += "," }
                element.write(to: &text)
            }
            text += "]"
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { text += "," }
                JSONSlot.write(member.key, to: &text)
                text += ":"
                member.value.write(to: &text)
            }
            text += "}"
        }
    }

    private static func write(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            // Line separators are allowed in JSON, but some readers of lines split at them.
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }

    /// `tokensPerSecond` becomes `tokens_per_second`, `weightsSHA256` `weights_sha256`.
    private static func snakeCase(_ name: String) -> String {
        var result = ""
        let letters = Array(name)
        for (index, letter) in letters.enumerated() {
            if letter.isUppercase, index > 0, letters[index - 1] != "_" {
                let startsWord = letters[index - 1].isLowercase || letters[index - 1].isNumber
                let endsAcronym = index + 1 < letters.count && letters[index + 1].isLowercase
                if startsWord || endsAcronym { result += "_" }
            }
            result += letter.lowercased()
        }
        return result
    }
}

private struct SlotEncoder: Encoder {
    let slot: JSONSlot
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        // A second container of the same value adds to the first.
        if case .object = slot.content {} else { slot.content = .object([]) }
        return KeyedEncodingContainer(KeyedSlots(slot: slot, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if case .array = slot.content {} else { slot.content = .array([]) }
        return UnkeyedSlots(slot: slot, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        SingleSlot(slot: slot, codingPath: codingPath)
    }
}

private struct KeyedSlots<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let slot: JSONSlot
    let codingPath: [any CodingKey]

    func encodeNil(forKey key: Key) {
        slot.member(key).content = .null
    }

    /// The generic form serves all the concrete requirements too.
    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        try slot.member(key).store(value, codingPath: codingPath + [key])
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        nested(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        nested(key).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { SlotEncoder(slot: slot, codingPath: codingPath) }
    func superEncoder(forKey key: Key) -> any Encoder { nested(key) }

    private func nested(_ key: Key) -> SlotEncoder {
        SlotEncoder(slot: slot.member(key), codingPath: codingPath + [key])
    }
}

private struct UnkeyedSlots: UnkeyedEncodingContainer {
    let slot: JSONSlot
    let codingPath: [any CodingKey]

    var count: Int {
        if case .array(let elements) = slot.content { elements.count } else { 0 }
    }

    func encodeNil() { _ = slot.element() }

    func encode<Value: Encodable>(_ value: Value) throws {
        try slot.element().store(value, codingPath: codingPath)
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        nested().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { nested().unkeyedContainer() }
    func superEncoder() -> any Encoder { nested() }
    private func nested() -> SlotEncoder { SlotEncoder(slot: slot.element(), codingPath: codingPath) }
}

private struct SingleSlot: SingleValueEncodingContainer {
    let slot: JSONSlot
    let codingPath: [any CodingKey]

    func encodeNil() { slot.content = .null }

    func encode<Value: Encodable>(_ value: Value) throws {
        try slot.store(value, codingPath: codingPath)
    }
}
