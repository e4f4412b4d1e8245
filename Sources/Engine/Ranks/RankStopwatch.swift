import Communication

/// How a rank spends its time, and what it sends, between two reports.
struct RankStopwatch {
    private var startedAt = ContinuousClock.now
    private var waitedBefore: Double
    private var sentBefore: Int
    /// Of stretches that have ended since the last report.
    private var carried = (seconds: 0.0, waited: 0.0)

    /// - Parameter group: which may have waited and sent before, for an earlier stage of the run.
    init(_ group: RankGroup?) { (waitedBefore, sentBefore) = (group?.waitedSeconds ?? 0, group?.sentBytes ?? 0) }

    /// Begins a stretch whose time counts; what has passed since the last one does not.
    mutating func start(_ group: RankGroup?) { (startedAt, waitedBefore) = (.now, group?.waitedSeconds ?? 0) }

    /// Ends the stretch, which counts in the next report.
    mutating func pause(_ group: RankGroup?) {
        let stretch = elapsed(group)
        carried = (carried.seconds + stretch.seconds, carried.waited + stretch.waited)
        start(group)
    }

    /// The stretches since this was asked last, the one under way included, and bytes; begins another stretch.
    mutating func timing(_ group: RankGroup?) -> RankTiming {
        pause(group)
        let sent = group?.sentBytes ?? 0
        defer { (carried, sentBefore) = ((0, 0), sent) }
        return RankTiming(
            computing: carried.seconds - carried.waited, waiting: carried.waited, sent: sent - sentBefore)
    }

    private func elapsed(_ group: RankGroup?) -> (seconds: Double, waited: Double) {
        (startedAt.duration(to: .now) / .seconds(1), (group?.waitedSeconds ?? 0) - waitedBefore)
    }
}
