import Checkpoints
import Formatting
import Pretraining
import Runs

/// `training.hours`: a length in time, as steps.
public enum RunLength {
    /// Sets the steps of a run that is told in hours: those of the run under way, or what this machine does in that time.
    ///
    /// - Parameters:
    ///   - output: of the run, which may have begun.
    ///   - goesOn: whether a run that has begun there goes on.
    ///   - ranks: that carry the run together, each as fast as this one; what they exchange is not counted.
    /// - Returns: the configuration without hours, and what was done, for people.
    /// - Throws: what measuring throws.
    public static func resolve(
        _ requested: RunConfiguration, output: RunDirectory, goesOn: Bool, threads: Int, ranks: Int = 1
    ) throws -> (configuration: RunConfiguration, note: String?) {
        guard let hours = requested.training.hours else { return (requested, nil) }
        var configuration = requested
        configuration.training.hours = nil
        if goesOn, let newest = try output.checkpoints.latest(),
            let begun = try? TrainingCheckpoint.configuration(CheckpointReader(path: newest.path))
        {
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

    /// The steps that this machine does in a time, by a short measurement.
    ///
    /// - Returns: the configuration without hours, and what was done, for people.
    public static func measured(
        _ requested: RunConfiguration, hours: Double, threads: Int, ranks: Int = 1
    ) throws -> (configuration: RunConfiguration, note: String?) {
        var configuration = requested
        configuration.training.hours = nil
        let forecast = try RunForecast(configuration, threads: threads, measuring: true, checkingCorpus: false)
        let speed = (forecast.tokensPerSecond ?? 0) * Double(ranks)
        let steps = max(1, Int(hours * 3600 * speed / Double(forecast.tokensPerStep)))
        configuration.setLength(steps: steps)
        try configuration.validate()
        return (
            configuration,
            "training.steps is \(CountFormat.grouped(steps)): \(hours) h at the \(CountFormat.grouped(Int(speed))) tokens/s of "
                + (ranks > 1 ? "\(ranks) machines like this" : "this machine") + "; config.yaml keeps it"
        )
    }
}
