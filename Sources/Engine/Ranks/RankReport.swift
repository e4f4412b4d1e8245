import Communication
import Foundation
import Objectives
import Optimization

/// What a rank tells all others of a step before its weights move: all then know the same, and decide the same.
struct RankReport: Codable {
    /// Of each chunk of its lanes, in their order.
    var sums: [LossSums]
    /// Σ x² of the gradients of its pieces.
    var squares: [Int: Double]
    /// Of the tables that are coupled, likewise.
    var columnSquares: ColumnSquares
    /// The first gradient of its pieces that is not finite: the tensor's place in the layout, and the element.
    var nonFinite: [Int]?
    /// Seconds that it has computed in this step, and waited for others.
    var timing: RankTiming

    /// Collects everybody's, by rank.
    func exchanged(_ group: RankGroup) throws -> [RankReport] {
        let encoder = PropertyListEncoder()
        encoder.outputFormat = .binary
        return try group.allGather(try encoder.encode(self), for: "the losses").map {
            try PropertyListDecoder().decode(RankReport.self, from: $0)
        }
    }
}

/// How a rank has spent a step.
public struct RankTiming: Codable, Sendable, Equatable {
    public var computing: Double
    public var waiting: Double
    /// Bytes that it has sent since it told this last.
    public var sent: Int

    public init(computing: Double, waiting: Double, sent: Int = 0) {
        self.computing = computing
        self.waiting = waiting
        self.sent = sent
    }

    static func + (one: Self, other: Self) -> Self {
        RankTiming(
            computing: one.computing + other.computing, waiting: one.waiting + other.waiting,
            sent: one.sent + other.sent)
    }
}
