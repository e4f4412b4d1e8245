import Files
import Foundation

/// A folder's `config.json`, read strictly: no key twice, and no value of another kind than it should be.
struct FolderConfiguration {
    let path: String
    private let members: [String: StrictJSON]

    private static let largestFile = 1 << 24

    /// - Throws: `ImportError`, `FileFailure`.
    init(folder: String) throws {
        path = (folder as NSString).appendingPathComponent("config.json")
        guard access(path, F_OK) == 0 else { throw ImportError.noConfiguration(folder: folder) }
        guard case .object(let members) = try Self.json(path) else {
            throw ImportError.unsupported(path: path, "it is not the JSON of a model's configuration (not an object)")
        }
        self.members = Dictionary(members.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    /// A file's JSON.
    static func json(_ path: String) throws -> StrictJSON {
        let data = try FileDescriptor.contents(of: path, limit: largestFile)
        do {
            return try data.withUnsafeBytes { try StrictJSON(parsing: $0.bindMemory(to: UInt8.self)) }
        } catch StrictJSON.Failure.duplicateKey(let key) {
            throw ImportError.unsupported(path: path, "it has the key \(key.quoted) twice")
        } catch StrictJSON.Failure.malformed(let offset, let problem) {
            throw ImportError.unsupported(path: path, "it is not JSON at byte \(offset): \(problem)")
        }
    }

    private func fail(_ key: String, _ wanted: String) -> ImportError {
        .unsupported(path: path, "\(key) is not \(wanted)")
    }

    /// The value of a key; nil where it is left out or null.
    private func value(_ key: String) -> StrictJSON? {
        switch members[key] {
        case nil, .null?: nil
        case let value?: value
        }
    }

    func has(_ key: String) -> Bool { value(key) != nil }

    func integer(_ key: String) throws -> Int? {
        guard let value = value(key) else { return nil }
        guard case .number(let text) = value, let number = Int(text) else { throw fail(key, "a whole number") }
        return number
    }

    func number(_ key: String) throws -> Double? {
        guard let value = value(key) else { return nil }
        guard case .number(let text) = value, let number = Double(text), number.isFinite else {
            throw fail(key, "a number")
        }
        return number
    }

    func flag(_ key: String) throws -> Bool? {
        guard let value = value(key) else { return nil }
        guard case .boolean(let flag) = value else { throw fail(key, "true or false") }
        return flag
    }

    func text(_ key: String) throws -> String? {
        guard let value = value(key) else { return nil }
        guard case .string(let text) = value else { throw fail(key, "a text") }
        return text
    }

    func list(_ key: String) throws -> [StrictJSON]? {
        guard let value = value(key) else { return nil }
        guard case .array(let elements) = value else { throw fail(key, "a list") }
        return elements
    }

    func texts(_ key: String) throws -> [String]? {
        try list(key)?.map { element in
            guard case .string(let text) = element else { throw fail(key, "a list of texts") }
            return text
        }
    }

    func numbers(_ key: String) throws -> [Double]? {
        try list(key)?.map { element in
            guard case .number(let text) = element, let number = Double(text) else {
                throw fail(key, "a list of numbers")
            }
            return number
        }
    }

    /// Whole numbers; nil for null.
    func integers(_ key: String) throws -> [Int?]? {
        try list(key)?.map { element in
            if element == .null { return nil }
            guard case .number(let text) = element, let number = Int(text) else {
                throw fail(key, "a list of whole numbers")
            }
            return number
        }
    }
}
