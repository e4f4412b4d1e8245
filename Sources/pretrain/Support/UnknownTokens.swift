import Formatting
import Tokenization

/// Tokens that stand for text which the vocabulary has nothing for, counted to be told at the end.
struct UnknownTokens {
    private let id: Int32?
    private let name: String
    private(set) var count = 0

    init(_ tokenizer: Tokenizer) {
        id = tokenizer.unknownID
        name = id.map { tokenizer.token($0) } ?? ""
    }

    mutating func add(_ ids: [Int32]) {
        if let id { count += ids.count { $0 == id } }
    }

    mutating func add(count more: Int) { count += more }

    /// Says so where there were any.
    func tell() {
        guard count > 0 else { return }
        Terminal.note("note: \(CountFormat.grouped(count)) tokens are unknown to the vocabulary (\(name))")
    }
}
