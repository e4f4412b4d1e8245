import Foundation

/// The learning rate of every step: linear warmup, then the configured decay. A pure function of the step.
///
/// The decay starts from the peak at the last step of warmup and reaches its final fraction right after the last step:
/// an update with a rate of 0 would be a step that changes nothing. With `decay_start: with_warmup` it starts before the
/// first step and is multiplied with warmup, as in ELECTRA's release, whose first update, with a rate of 0, is left out.
public struct LearningRateSchedule: Sendable, Equatable {
    public let configuration: OptimizerConfiguration
    public let totalSteps: Int

    public init(_ configuration: OptimizerConfiguration, totalSteps: Int) {
        self.configuration = configuration
        self.totalSteps = totalSteps
    }

    /// - Parameter step: counted from 1; the first update has step 1.
    public func learningRate(step: Int) -> Double { configuration.peakLearningRate * factor(step: step) }

    /// The share of the peak at a step.
    public func factor(step: Int) -> Double {
        let warmup = configuration.warmupSteps
        let rise = step < warmup ? Double(step) / Double(warmup) : 1
        if configuration.decayStart == .withWarmup { return rise * decay(step: step, from: 0) }
        return step < warmup ? rise : decay(step: step, from: warmup)
    }

    /// The share of the peak that a decay leaves which begins at step `warmup`.
    private func decay(step: Int, from warmup: Int) -> Double {
        let floor = configuration.finalLearningRateFraction
        func falling(from start: Int) -> Double {
            let length = Double(max(totalSteps - start, 0)) + 1
            return min(max((Double(totalSteps) - Double(step) + 1) / length, 0), 1)
        }
        switch configuration.schedule {
        case .constant: return 1
        case .linear: return floor + (1 - floor) * falling(from: warmup)
        case .cosine: return floor + (1 - floor) * 0.5 * (1 - cos(.pi * falling(from: warmup)))
        case .wsd:
            let decay = configuration.decaySteps ?? max(totalSteps / 10, 1)
            let start = max(warmup, totalSteps - decay)
            return step < start ? 1 : floor + (1 - floor) * falling(from: start)
        }
    }
}
