import Foundation
import Pretraining

/// Rules of thumb that carry hyperparameters across batch size and training horizon, where proxy and target differ in
/// them. They are empirical and off unless asked for; muP itself says nothing about either.
public struct TransferRules: Codable, Sendable, Equatable {
    /// Learning rate ∝ √batch and 1 − β ∝ batch, where gradient noise dominates (Malladi et al. 2022, arXiv 2205.10287).
    public var batch = false
    /// Learning rate ∝ tokens^−0.3 (fits of published sweeps; measure before relying on it).
    public var horizon = false

    public init(batch: Bool = false, horizon: Bool = false) {
        self.batch = batch
        self.horizon = horizon
    }

    static let horizonExponent = -0.3

    /// Applies them to the target, which has the proxy's values.
    ///
    /// - Returns: what was done, a line each.
    func apply(to target: inout RunConfiguration, proxy: RunConfiguration) -> [String] {
        var notes: [String] = []
        func tokens(_ configuration: RunConfiguration) -> Double { Double(configuration.plannedTokens) }
        let batchRatio =
            Double(target.training.sequencesPerStep * target.corpus.sequenceLength)
            / Double(proxy.training.sequencesPerStep * proxy.corpus.sequenceLength)
        if batch, batchRatio != 1 {
            Hyperparameter.scaleRates(by: batchRatio.squareRoot(), in: &target)
            var isBeyond = false
            func scaled(_ beta: Double) -> Double {
                let result = 1 - (1 - beta) * batchRatio
                if beta > 0, result <= 0 { isBeyond = true }
                return max(0, result)
            }
            target.optimizer.beta1 = scaled(target.optimizer.beta1)
            target.optimizer.beta2 = scaled(target.optimizer.beta2)
            target.optimizer.generator.beta1 = target.optimizer.generator.beta1.map(scaled)
            target.optimizer.generator.beta2 = target.optimizer.generator.beta2.map(scaled)
            if target.optimizer.kind == .muon {
                target.optimizer.muon.momentum = scaled(target.optimizer.muon.momentum)
            }
            notes.append(
                "batch rule: \(number(batchRatio)) times the proxy's batch; learning rate × √ of it, 1 − β × it"
                    + (isBeyond
                        ? "; so much larger a batch is beyond the rule, which left no momentum: choose a larger --proxy-batch"
                        : ""))
        } else if batchRatio != 1 {
            notes.append(
                "the target's batch is \(number(batchRatio)) times the proxy's, and no rule was applied (--batch-rule)")
        }
        let horizonRatio = tokens(target) / tokens(proxy)
        if horizon, horizonRatio != 1 {
            Hyperparameter.scaleRates(by: pow(horizonRatio, Self.horizonExponent), in: &target)
            notes.append("horizon rule: \(number(horizonRatio)) times the proxy's tokens; learning rate × that^−0.3")
        } else if horizonRatio != 1 {
            notes.append(
                "the target sees \(number(horizonRatio)) times the proxy's tokens, and no rule was applied (--horizon-rule)"
            )
        }
        return notes
    }

    private func number(_ value: Double) -> String { String(format: "%.4g", locale: nil, value) }
}
