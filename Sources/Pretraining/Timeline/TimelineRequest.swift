/// Which step of a run is to be drawn, and where to.
public struct TimelineRequest: Sendable, Equatable {
    public enum Format: String, Sendable, CaseIterable {
        /// Chrome's trace format, which Perfetto and other viewers open.
        case json
        /// A picture.
        case svg
    }

    public let path: String
    let format: Format
    /// Counted from the first step of this start.
    public let step: Int

    /// - Parameter path: ends in a format's name; otherwise nil.
    public init?(path: String, step: Int) {
        guard let format = Format.allCases.first(where: { path.lowercased().hasSuffix(".\($0.rawValue)") }) else {
            return nil
        }
        self.path = path
        self.format = format
        self.step = step
    }
}
