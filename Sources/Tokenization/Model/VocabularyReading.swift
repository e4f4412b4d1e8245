/// Reading ids and tokens of tokenizer.json, with errors that name them.
enum VocabularyReading {
    /// Ids above this are refused: a table of them would not fit a model.
    static let highestID = 1 << 24

    /// The `vocab` of a BPE or a WordPiece: an object from token to id.
    ///
    /// - Throws: `TokenizerError.invalid` for what is no such object, is empty, or gives one id to two tokens.
    static func ids(_ component: JSONComponent) throws(TokenizerError) -> [[UInt8]: Int32] {
        guard let members = component.optional("vocab")?.members else {
            throw .invalid(component: "model", problem: "`vocab` must be an object from token to id")
        }
        guard !members.isEmpty else { throw .invalid(component: "model", problem: "`vocab` is empty") }
        var ids: [[UInt8]: Int32] = [:]
        ids.reserveCapacity(members.count)
        for member in members {
            guard ids.updateValue(try id(member.value, of: member.key, "model.vocab"), forKey: member.key) == nil else {
                throw .invalid(component: "model.vocab", problem: "\(shown(member.key)) is there twice")
            }
        }
        var owners: [Int32: [UInt8]] = [:]
        owners.reserveCapacity(ids.count)
        for (token, id) in ids {
            if let other = owners.updateValue(token, forKey: id) {
                let names = [shown(token), shown(other)].sorted()
                throw .invalid(component: "model.vocab", problem: "\(names[0]) and \(names[1]) share the id \(id)")
            }
        }
        return ids
    }

    static func id(
        _ value: JSONValue, of token: [UInt8], _ component: String
    ) throws(TokenizerError) -> Int32 {
        guard let number = value.integer else {
            throw .invalid(
                component: component, problem: "the id of \(shown(token)) must be a whole number, found \(value.kind)")
        }
        guard (0...highestID).contains(number) else {
            throw .invalid(component: component, problem: "the id \(number) of \(shown(token)) is out of range")
        }
        return Int32(number)
    }

    static func shown(_ token: [UInt8]) -> String { "`\(String(decoding: token.prefix(60), as: UTF8.self))`" }
}
