import Foundation

/// What a context says to a question.
public struct TaskAnswer: Equatable, Sendable {
    public var text: String
    /// Its first character in the context, as Python counts them (Unicode code points).
    public var start: Int

    public init(text: String, start: Int) {
        self.text = text
        self.start = start
    }
}

extension TaskRecord {
    /// A list of objects with `text` and `start` (or `answer_start`), or one object with lists of them, as in SQuAD.
    ///
    /// - Returns: nil where there is no such member; an empty list for a question without an answer.
    /// - Throws: `TaskError` for an answer that does not stand where it should.
    func answers(_ field: String, in context: String) throws -> [TaskAnswer]? {
        var objects: [[String: Any]] = []
        if let columns = value(field) as? [String: Any] {
            guard let texts = columns["text"] as? [Any], let starts = columns["answer_start"] as? [Any],
                texts.count == starts.count
            else { throw error("\(field) has no lists text and answer_start of the same length") }
            objects = zip(texts, starts).map { ["text": $0, "start": $1] }
        } else {
            guard let list = try self.objects(field) else { return nil }
            objects = list
        }
        let scalars = Array(context.unicodeScalars)
        return try objects.map { object in
            guard let text = object["text"] as? String, !text.isEmpty else {
                throw error("\(field) holds an answer without a text")
            }
            let start = try whole(object, object["start"] == nil ? "answer_start" : "start", field)
            let count = text.unicodeScalars.count
            guard start >= 0, count <= scalars.count, start <= scalars.count - count else {
                throw error(
                    "the answer \(text) at \(start) is outside the context, which has \(scalars.count) characters")
            }
            let end = start + count
            guard scalars[start..<end].elementsEqual(text.unicodeScalars) else {
                throw error(
                    "the answer \(text) does not stand at \(start) of the context, but "
                        + String(String.UnicodeScalarView(scalars[start..<end])))
            }
            return TaskAnswer(text: text, start: start)
        }
    }
}
