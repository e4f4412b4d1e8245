import Communication

/// How a rank spends its time, and what it sends, between two reports.
struct RankStopwatch {
    private var startedAt = ContinuousClock.now
    private var waitedBefore = 0.0
    private var sentBefore = 0

    /// Begins to count time anew.
    mutating func start(_ group: RankGroup?) { (startedAt, waitedBefore) = (.now, group?.waitedSeconds ?? 0) }

    /// The time since the start, and bytes since this was asked last.
    mutating func timing(_ group: RankGroup?) -> RankTiming {
        let (waited, sent) = ((group?.waitedSeconds ?? 0) - waitedBefore, group?.sentBytes ?? 0)
        defer { sentBefore = sent }
        return RankTiming(
            computing: startedAt.duration(to: .now) / .seconds(1) - waited, waiting: waited, sent: sent - sentBefore)
    }
}
