import Formatting

/// A part of the progress line, in one wording or several.
public struct ProgressField: Sendable, Equatable, ExpressibleByStringLiteral {
    /// The same said ever more briefly; the fullest first.
    public var wordings: [String]

    public init(_ wordings: String...) { self.wordings = wordings }
    public init(stringLiteral text: String) { wordings = [text] }

    static func timeLeft(_ seconds: Double) -> ProgressField {
        ProgressField("\(DurationFormat.text(seconds)) left", "\(DurationFormat.brief(seconds)) left")
    }

    var fullest: String { wordings.first ?? "" }
}
