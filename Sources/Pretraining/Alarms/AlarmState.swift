/// What an `AlarmWatch` knows of the run so far: with it a resumed run gives the alarms that an uninterrupted one gives.
public struct AlarmState: Codable, Sendable, Equatable {
    /// Kinds that were told.
    var raised: Set<String> = []
    /// Since which step what is not told yet has lasted, by kind.
    var began: [String: Int] = [:]
    var trend = LossTrend()

    var isEmpty: Bool { self == AlarmState() }

    private enum CodingKeys: String, CodingKey { case raised, began, trend }

    /// What cannot be after a step.
    func problem(ofStep step: Int) -> String? {
        guard began.values.allSatisfy({ 0...step ~= $0 }), 0...step ~= trend.count else {
            return "what it keeps of alarms is out of range"
        }
        return nil
    }

    init() {}

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        raised = Set(try values.decode([String].self, forKey: .raised))
        began = try values.decode([String: Int].self, forKey: .began)
        trend = try values.decode(LossTrend.self, forKey: .trend)
    }

    /// In a fixed order: checkpoints of the same step are the same to the byte.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(raised.sorted(), forKey: .raised)
        try values.encode(began, forKey: .began)
        try values.encode(trend, forKey: .trend)
    }
}

/// How far a loss, smoothed, lies above the lowest that it has been.
struct LossTrend: Codable, Sendable, Equatable {
    private(set) var count = 0
    private var smoothed = 0.0
    /// Nil as long as there is no window full of losses.
    private(set) var lowest: Double?

    /// - Parameter window: steps that are averaged over.
    mutating func add(_ loss: Double, window: Int) {
        count += 1
        // The mean at first; and no jump where a longer run has a longer window.
        smoothed += (loss - smoothed) / Double(min(count, window))
        if count >= window { lowest = min(lowest ?? smoothed, smoothed) }
    }

    var rise: Double { lowest.map { smoothed - $0 } ?? 0 }
}
