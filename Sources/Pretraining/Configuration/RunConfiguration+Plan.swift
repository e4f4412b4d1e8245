import Checkpoints
import Runs

extension RunConfiguration {
    /// What the run's loop needs of it.
    var plan: RunPlan {
        RunPlan(
            steps: training.steps, evaluateEvery: training.evaluateEvery, checkpointEvery: training.checkpointEvery,
            checkpointSeconds: training.checkpointMinutes.map { Double($0) * 60 },
            logEvery: training.logEvery,
            retention: Retention(
                keepLast: training.keepLast, keepEvery: training.keepEvery,
                keepLatestOf: training.spikeAction == .rollBack ? training.checkpointEvery : nil))
    }

    /// Makes it a run of so many steps. A warmup that was meant for another length is shortened to a tenth, or would be all there is.
    package mutating func setLength(steps: Int) {
        training.steps = steps
        optimizer.warmupSteps = min(optimizer.warmupSteps, max(1, steps / 10))
    }
}
