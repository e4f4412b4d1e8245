/// A JSON value with strings as UTF-8 bytes.
///
/// Swift strings compare by canonical equivalence, so two different tokens could be one key; bytes do not.
enum JSONValue: Equatable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string([UInt8])
    case array([JSONValue])
    case object([Member])

    struct Member: Equatable {
        var key: [UInt8]
        var value: JSONValue
    }

    /// The last member with this key, as JSON readers commonly take it.
    subscript(_ key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        let bytes = Array(key.utf8)
        return members.last { $0.key == bytes }?.value
    }

    var bytes: [UInt8]? {
        if case .string(let bytes) = self { bytes } else { nil }
    }

    var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    var integer: Int? {
        if case .integer(let value) = self { value } else { nil }
    }

    /// A number, whole or not.
    var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    var array: [JSONValue]? {
        if case .array(let values) = self { values } else { nil }
    }

    var members: [Member]? {
        if case .object(let members) = self { members } else { nil }
    }

    var isNull: Bool { self == .null }

    /// What the value is, for messages.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a truth value"
        case .integer, .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// Reading settings of one component of tokenizer.json, with errors that name it.
struct JSONComponent {
    var name: String
    var value: JSONValue

    init(_ name: String, _ value: JSONValue) throws(TokenizerError) {
        guard case .object = value else {
            throw .invalid(component: name, problem: "must be an object, found \(value.kind)")
        }
        self.name = name
        self.value = value
    }

    /// The member, or nil where it is absent or null.
    func optional(_ key: String) -> JSONValue? {
        guard let member = value[key], !member.isNull else { return nil }
        return member
    }

    func type() throws(TokenizerError) -> String { try string("type") }

    func string(_ key: String) throws(TokenizerError) -> String {
        guard let member = optional(key) else {
            throw .invalid(component: name, problem: "`\(key)` is missing")
        }
        guard let text = member.text else { throw wrongType(key, member, "a string") }
        return text
    }

    func bool(_ key: String, default standard: Bool) throws(TokenizerError) -> Bool {
        guard let member = optional(key) else { return standard }
        guard let value = member.bool else { throw wrongType(key, member, "true or false") }
        return value
    }

    /// A whole number from 0 on.
    func count(_ key: String, default standard: Int) throws(TokenizerError) -> Int {
        guard let member = optional(key) else { return standard }
        guard let value = member.integer else { throw wrongType(key, member, "a whole number") }
        guard value >= 0 else { throw .invalid(component: name, problem: "`\(key)` is negative") }
        return value
    }

    func array(_ key: String) throws(TokenizerError) -> [JSONValue] {
        guard let member = optional(key) else {
            throw .invalid(component: name, problem: "`\(key)` is missing")
        }
        guard let values = member.array else { throw wrongType(key, member, "an array") }
        return values
    }

    func wrongType(_ key: String, _ member: JSONValue, _ expected: String) -> TokenizerError {
        .invalid(component: name, problem: "`\(key)` must be \(expected), found \(member.kind)")
    }
}
