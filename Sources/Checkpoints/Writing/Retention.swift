/// Which checkpoints stay when a new one has been published.
public struct Retention: Sendable, Equatable, Codable {
    /// Number of newest checkpoints to keep, at least 1.
    public var keepLast: Int
    /// Checkpoints whose step is a multiple of this are kept for good; nil keeps none for that reason.
    public var keepEvery: Int?
    /// A checkpoint whose step is a multiple of this is kept as long as one is that lies before the next multiple: a run that goes
    /// on from that may go back to it. nil keeps none for that reason.
    public var keepLatestOf: Int?

    public init(keepLast: Int = 3, keepEvery: Int? = nil, keepLatestOf: Int? = nil) {
        self.keepLast = max(1, keepLast)
        self.keepEvery = keepEvery.flatMap { $0 > 0 ? $0 : nil }
        self.keepLatestOf = keepLatestOf.flatMap { $0 > 0 ? $0 : nil }
    }

    enum CodingKeys: String, CodingKey {
        case keepLast = "keep_last"
        case keepEvery = "keep_every"
        case keepLatestOf = "keep_latest_of"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            keepLast: try container.decode(Int.self, forKey: .keepLast),
            keepEvery: try container.decodeIfPresent(Int.self, forKey: .keepEvery),
            keepLatestOf: try container.decodeIfPresent(Int.self, forKey: .keepLatestOf))
    }

    /// Keeps everything.
    public static let all = Retention(keepLast: .max)

    /// Why a checkpoint stays.
    public enum Reason: String, Sendable, Codable {
        /// One of the newest.
        case recent
        /// Its step is a multiple of `keepEvery`.
        case milestone
        /// What a run that goes on from a recent one may go back to.
        case anchor
    }

    /// Whether a step is kept for good.
    public func isMilestone(_ step: Int) -> Bool { keepEvery.map { step % $0 == 0 } ?? false }

    /// What runs that go on from some steps may go back to.
    public func anchors(of steps: some Sequence<Int>) -> Set<Int> {
        guard let interval = keepLatestOf else { return [] }
        return Set(steps.map { $0 / interval * interval })
    }

    /// The steps of `steps` that stay, each with the reason; all others go.
    public func kept(of steps: [Int]) -> [Int: Reason] {
        var kept: [Int: Reason] = [:]
        for step in steps where isMilestone(step) { kept[step] = .milestone }
        let recent = steps.sorted().suffix(keepLast)
        for step in anchors(of: recent).intersection(steps) { kept[step] = .anchor }
        for step in recent { kept[step] = .recent }
        return kept
    }
}
