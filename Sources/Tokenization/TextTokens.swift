/// The tokens of a text, and which bytes of it each stands for.
public struct TextTokens: Equatable, Sendable {
    public var ids: [Int32] = []
    /// In UTF-8.
    public var ranges: [Range<Int>] = []

    public init(ids: [Int32] = [], ranges: [Range<Int>] = []) {
        self.ids = ids
        self.ranges = ranges
    }
}
