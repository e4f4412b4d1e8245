/// Which step of a run is to be drawn, and where to.
public struct TimelineRequest: Sendable, Equatable {
    public enum Format: String, Sendable, CaseIterable {
        /// Chrome's trace format, which Perfetto and other viewers open.
        case json
        /// A picture.
        case svg
    }

    public var path: String
    /// Counted from the first step of this start.
    public var step: Int

    /// - Parameter path: ends in a format's name; otherwise nil.
    public init?(path: String, step: Int) {
        guard Format.allCases.contains(where: { path.lowercased().hasSuffix(".\($0.rawValue)") }) else { return nil }
        self.path = path
        self.step = step
    }

    var format: Format { path.lowercased().hasSuffix(".svg") ? .svg : .json }
}
