import Communication
import Engine

/// Notices a rank that all others wait for, step after step.
package struct StragglerWatch {
    private static let steps = 50
    /// How much longer than the median a straggler computes.
    private static let factor = 1.25

    private var seconds: [Double] = []
    private var count = 0
    private var warned: Set<Int> = []

    package init() {}

    /// - Parameter timings: of a step, by rank.
    /// - Returns: a warning, once for each rank.
    package mutating func warning(_ timings: [RankTiming], hosts: [String]) -> String? {
        guard timings.count > 1 else { return nil }
        if seconds.count != timings.count { (seconds, count) = (timings.map { _ in 0 }, 0) }
        for (rank, timing) in timings.enumerated() { seconds[rank] += timing.computing }
        count += 1
        guard count == Self.steps else { return nil }
        let found = seconds
        (seconds, count) = ([], 0)
        // The lower one of two.
        let median = found.sorted()[(found.count - 1) / 2]
        guard let slowest = found.indices.max(by: { found[$0] < found[$1] }), found[slowest] > Self.factor * median,
            warned.insert(slowest).inserted
        else { return nil }
        let times = (found[slowest] / median * 10).rounded() / 10
        return
            "rank \(slowest) on \(hosts[slowest]) takes \(times) times as long as others for its share of a step; all wait for it"
    }
}
