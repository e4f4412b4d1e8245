import Foundation

/// A part of a text, by characters as Python counts them (Unicode code points), with its label.
public struct TextSpan: Codable, Equatable, Sendable {
    public var start: Int
    /// Behind its last character.
    public var end: Int
    public var label: String
    /// What it says, where it was found by a model.
    public var text: String?
    /// Of the label that is least sure among its words'.
    public var probability: Double?

    public init(start: Int, end: Int, label: String, text: String? = nil, probability: Double? = nil) {
        self.start = start
        self.end = end
        self.label = label
        self.text = text
        self.probability = probability
    }
}

extension TaskRecord {
    /// A list of objects, with `start`, `end` and `label`.
    ///
    /// - Returns: nil where there is none.
    /// - Throws: `TaskError` for spans outside the text, empty ones, and those that overlap.
    func spans(_ field: String, of text: String) throws -> [TextSpan]? {
        guard let objects = try objects(field) else { return nil }
        let count = text.unicodeScalars.count
        let spans = try objects.map { object in
            guard let label = object["label"] as? String, !label.isEmpty else {
                throw error("\(field) holds a span without a label")
            }
            let span = TextSpan(
                start: try whole(object, "start", field), end: try whole(object, "end", field), label: label)
            if span.start < 0 || span.start >= span.end || span.end > count {
                throw error(
                    "the span from \(span.start) to \(span.end) is empty or outside the text, which has \(count) characters"
                )
            }
            return span
        }
        let sorted = spans.sorted { $0.start < $1.start }
        for (a, b) in zip(sorted, sorted.dropFirst()) where b.start < a.end {
            throw error("the spans from \(a.start) to \(a.end) and from \(b.start) to \(b.end) overlap")
        }
        return spans
    }

    /// A list of JSON objects.
    func objects(_ field: String) throws -> [[String: Any]]? {
        switch value(field) {
        case nil, is NSNull: return nil
        case let list as [Any]:
            return try list.map {
                guard let object = $0 as? [String: Any] else { throw error("\(field) holds what is no object") }
                return object
            }
        default: throw error("\(field) is no list of objects")
        }
    }

    /// - Throws: `TaskError` for what is no whole number.
    func whole(_ object: [String: Any], _ key: String, _ field: String) throws -> Int {
        guard let number = object[key] as? NSNumber, let whole = Int(exactly: number.doubleValue) else {
            throw error("\(field) holds an object whose \(key) is no whole number")
        }
        return whole
    }
}
