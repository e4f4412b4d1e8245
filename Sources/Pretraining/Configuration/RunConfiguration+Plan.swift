import Checkpoints
import Runs

extension RunConfiguration {
    /// What the run's loop needs of it.
    var plan: RunPlan {
        RunPlan(
            steps: training.steps, sizes: stepSizes, evaluateEvery: training.evaluateEvery,
            checkpointEvery: training.checkpointEvery,
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

    /// Makes it a shorter or longer form of a run: warmup and decays keep their shares. Stages stay as they are.
    ///
    /// - Parameters:
    ///   - steps: of this one.
    ///   - whole: the run whose shares are kept.
    package mutating func scaleLength(to steps: Int, of whole: RunConfiguration) {
        training.steps = steps
        let share = Double(steps) / Double(whole.training.steps)
        // Rounded up, and whole where the share of it is.
        let warmup = Double(whole.optimizer.warmupSteps) * Double(steps) / Double(whole.training.steps)
        optimizer.warmupSteps = share == 1 ? whole.optimizer.warmupSteps : min(steps, Int(warmup.rounded(.up)))
        optimizer.decaySteps = whole.optimizer.decaySteps.map { max(1, Int((Double($0) * share).rounded())) }
        // Only where there is one: without, the setting would be refused as one without effect.
        if objective.replacements == .frozen {
            objective.frozenGenerator.decaySteps = max(1, whole.objective.frozenGenerator.decaySteps * share)
        }
    }
}
