import Communication
import Foundation

/// What the first rank of a run has all ranks do next.
enum RankCommand: Codable, Equatable {
    /// The next step; with the gradients of all ranks brought together where somebody looks at them, and what ranks do where that is
    /// to be drawn.
    case step(showsGradients: Bool, isDrawn: Bool)
    /// Bring together what a checkpoint holds.
    case gather
    case end

    /// Tells all ranks, or learns what the first tells. Between steps it may take its time, to evaluate or to write.
    ///
    /// - Throws: as `RankGroup.wait`.
    @discardableResult
    static func exchange(_ command: RankCommand?, _ group: RankGroup) throws -> RankCommand {
        let data = try command.map { try JSONEncoder().encode($0) } ?? Data()
        return try JSONDecoder().decode(
            RankCommand.self, from: try group.broadcast(data, for: "the next step", isLimited: false))
    }
}
