/// Which checkpoints stay when a new one has been published.
public struct Retention: Sendable, Equatable, Codable {
    /// Number of newest checkpoints to keep, at least 1.
    public var keepLast: Int
    /// Checkpoints whose step is a multiple of this are kept for good; nil keeps none for that reason.
    public var keepEvery: Int?
    /// Of the checkpoints whose step is a multiple of this the newest is kept, however many are newer; nil keeps none for that
    /// reason.
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
        /// What a run may go back to: the newest whose step is a multiple of `keepLatestOf`.
        case anchor
    }

    /// Whether a step is kept for good.
    public func isMilestone(_ step: Int) -> Bool { keepEvery.map { step % $0 == 0 } ?? false }

    /// The steps of `steps` that stay, each with the reason; all others go.
    public func kept(of steps: [Int]) -> [Int: Reason] {
        var kept: [Int: Reason] = [:]
        for step in steps where isMilestone(step) { kept[step] = .milestone }
        if let interval = keepLatestOf, let step = steps.filter({ $0 % interval == 0 }).max() { kept[step] = .anchor }
        for step in steps.sorted().suffix(keepLast) { kept[step] = .recent }
        return kept
    }
}
