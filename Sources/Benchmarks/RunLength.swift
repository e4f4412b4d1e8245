import Checkpoints
import Configuration
import Formatting
import Pretraining
import Runs

/// `training.hours`: a length in time, as steps.
public enum RunLength {
    /// Sets the steps of a run that is told in hours: those of the run under way, or what this machine does in that time.
    ///
    /// - Parameters:
    ///   - output: of the run, which may have begun.
    ///   - resume: what the run goes on from, if it does.
    ///   - ranks: that carry the run together, each as fast as this one; what they exchange is not counted.
    /// - Returns: the configuration without hours, and what was done, for people.
    /// - Throws: what measuring throws; where there are checkpoints and none is good, what is wrong with them.
    public static func resolve(
        _ requested: RunConfiguration, output: RunDirectory, resume: ResumeMode, threads: Int, ranks: Int = 1
    ) throws -> (configuration: RunConfiguration, note: String?) {
        guard let hours = requested.training.hours else { return (requested, nil) }
        var configuration = requested
        configuration.training.hours = nil
        if let begun = try begun(output, resume) {
            configuration.training.steps = begun.training.steps
            // As it was shortened then, if it was.
            configuration.optimizer.warmupSteps = min(
                configuration.optimizer.warmupSteps, begun.optimizer.warmupSteps)
            return (
                configuration, "training.steps is \(CountFormat.grouped(begun.training.steps)), as when the run began"
            )
        }
        return try measured(requested, hours: hours, threads: threads, ranks: ranks)
    }

    /// The configuration of the checkpoint that a run goes on from; damaged ones are passed over.
    private static func begun(_ output: RunDirectory, _ resume: ResumeMode) throws -> RunConfiguration? {
        switch resume {
        case .never: return nil
        case .checkpoint(let path): return try TrainingCheckpoint.configuration(CheckpointReader(path: path))
        case .automatic:
            guard try output.checkpoints.latest() != nil else { return nil }
            return try output.checkpoints.loadLatestGood(TrainingCheckpoint.configuration).value
        }
    }

    /// The steps that this machine does in a time, by a short measurement of every stage. Stages keep their steps; the rest of the
    /// run has the time that they leave.
    ///
    /// - Returns: the configuration without hours, and what was done, for people.
    /// - Throws: `InvalidSetting` where the stages leave no time, and what measuring throws.
    public static func measured(
        _ requested: RunConfiguration, hours: Double, threads: Int, ranks: Int = 1
    ) throws -> (configuration: RunConfiguration, note: String?) {
        var configuration = requested
        configuration.training.hours = nil
        func measured(ofStage index: Int) throws -> (tokens: Double, steps: Double) {
            var stage = configuration.configuration(ofStage: index)
            stage.training.stages = []
            let forecast = try RunForecast(stage, threads: threads, measuring: true, checkingCorpus: false)
            guard let speed = forecast.tokensPerSecond else {
                throw InvalidSetting(
                    "training.hours", "cannot be told in steps: the run needs more memory than this machine has")
            }
            let tokens = speed * Double(ranks)
            return (tokens, tokens / Double(forecast.tokensPerStep))
        }
        let stages = configuration.training.stages
        var staged = (steps: 0, seconds: 0.0)
        for (index, stage) in stages.enumerated() {
            staged.steps += stage.steps
            staged.seconds += Double(stage.steps) / (try measured(ofStage: index).steps)
        }
        let left = hours * 3600 - staged.seconds
        guard left > 0 else {
            throw InvalidSetting(
                "training.stages",
                "take \(DurationFormat.text(staged.seconds)) on this machine, all of training.hours \(hours); shorten them, or raise "
                    + "training.hours")
        }
        let rest = try measured(ofStage: stages.count)
        let steps = staged.steps + max(1, Int(left * rest.steps))
        configuration.setLength(steps: steps)
        try configuration.validate()
        let speed = CountFormat.grouped(Int(rest.tokens))
        return (
            configuration,
            "training.steps is \(CountFormat.grouped(steps)): \(hours) h at the \(speed) tokens/s of "
                + (ranks > 1 ? "\(ranks) machines like this" : "this machine")
                + (stages.isEmpty ? "" : ", after the stages' \(DurationFormat.text(staged.seconds))")
                + "; config.yaml keeps it"
        )
    }
}
