import Checkpoints
import Foundation

extension PretrainingWork {
    /// What going back to a checkpoint came to.
    struct Rollback: Codable, CustomStringConvertible {
        /// Of the checkpoint.
        var step: Int
        /// Steps that its weights have learned from.
        var learnedSteps: Int

        var description: String { "weights and moments are those after step \(step) again" }
    }

    /// Puts weights and moments of the last checkpoint that was due by steps in place of those of the steps since. Which one that
    /// is does not depend on interruptions.
    ///
    /// - Parameter number: of the step that was too far out.
    /// - Returns: nil where the configuration does not ask for it, or there is no such checkpoint.
    /// - Throws: what reading it throws; `RankAlarm`. The engine's state may then be of two checkpoints, and is not saved.
    func rollBack(from number: Int) throws -> Rollback? {
        guard configuration.training.spikeAction == .rollBack else { return nil }
        let interval = configuration.training.checkpointEvery
        let step = interval > 0 ? (number - 1) / interval * interval : 0
        var result = ranks?.leads == false ? nil : try takeCheckpoint(ofStep: step)
        if let ranks {
            let told = try ranks.broadcast(
                try JSONEncoder().encode(result), for: "whether the run goes back", isLimited: false)
            result = try JSONDecoder().decode(Rollback?.self, from: told)
            if result != nil {
                isStateTorn = true
                try engine.distributeState()
            }
        }
        isStateTorn = false
        return result
    }

    /// - Returns: nil where there is none; this is told.
    private func takeCheckpoint(ofStep step: Int) throws -> Rollback? {
        do {
            guard step > 0, let reader = try checkpointOfStep?(step) else {
                tell(.warning("there is no checkpoint of step \(step) to go back to: one step is left out"))
                return nil
            }
            // What is found to be damaged halfway would leave nothing to go on with.
            try reader.verify(threads: pool.threadCount)
            let learned = step - (try TrainingCheckpoint.state(reader)).skippedSteps
            isStateTorn = true
            try TrainingCheckpoint.load(reader, into: engine, moments: true)
            return Rollback(step: step, learnedSteps: learned)
        } catch CheckpointError.damaged(let path, let reason) where !isStateTorn {
            tell(.warning("the checkpoint to go back to is damaged, so that one step is left out: \(path): \(reason)"))
            return nil
        }
    }
}
