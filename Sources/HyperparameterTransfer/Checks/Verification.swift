import Foundation

/// A sweep of a learning rate, Muon's where that was searched, at several widths, under muP and under the standard parametrization: the evidence that
/// what was found at the smallest width holds at the largest.
public struct Verification: Codable, Sendable {
    /// Losses by learning rate at one width.
    public struct Sweep: Codable, Sendable, Equatable {
        public var width: Int
        public var isStandard: Bool
        /// Which of the optimizer's rates.
        public var rate: Hyperparameter
        public var results: [TrialResult]

        package init(width: Int, isStandard: Bool, rate: Hyperparameter = .learningRate, results: [TrialResult]) {
            self.rate = rate
            self.width = width
            self.isStandard = isStandard
            self.results = results
        }

        /// The learning rate with the lowest loss; nil if all diverged.
        public func best(_ metric: TrialMetric) -> (rate: Double, loss: Double)? {
            guard let best = results.ranked(by: metric).first, let loss = best.loss(metric) else { return nil }
            return (best.values[rate] ?? .nan, loss)
        }
    }

    public var steps: Int
    public var rates: [Double]
    public var metric: TrialMetric
    /// Whose losses these are: `test` or `held_out` documents.
    public var split: String
    public var sweeps: [Sweep]
    /// Between the best learning rates of any two widths, in factors of two; nil where a width has none.
    public var drift: Double?
    public var standardDrift: Double?
    /// The largest rise of the lowest loss from one width to the next; at most 0 where wider is never worse.
    public var worstRise: Double?
    public var standardWorstRise: Double?
    /// The same at the learning rate that is best at the smallest width.
    public var worstRiseAtTransferredRate: Double?
    public var standardWorstRiseAtTransferredRate: Double?
    /// At the largest width: the loss at the best learning rate of the smallest, over the lowest loss there, minus 1.
    public var excess: Double?
    public var standardExcess: Double?
    /// Operations of the sweep at the smallest width over those at the largest.
    public var costShare: Double
    /// Loss that a power law through the widths gives for the target's; nil where it cannot be told.
    public var expectedLoss: Double?
    /// Best learning rates within one factor of two, and wider never worse; with several seeds where both hold within the
    /// spread between these.
    public var passes: Bool
    /// Runs of each learning rate at each width.
    public var seeds: Int

    static func flops(_ plan: TransferPlan, rateCount: Int, vocabularySize: Int) -> Double {
        let once =
            (try? trials(plan, best: [:], rates: Array(repeating: 1, count: rateCount), tokenizer: ""))?
            .joined().reduce(0) { $0 + $1.flops(vocabularySize: vocabularySize) } ?? 0
        return Double(plan.options.seeds) * once
    }

    /// muP at all widths, then the standard parametrization at all widths.
    private static func trials(
        _ plan: TransferPlan, best: SearchSpace.Point, rates: [Double], seed: Int = 0, tokenizer: String
    ) throws -> [[Trial]] {
        let steps = plan.options.verifySteps ?? plan.proxy.training.steps
        return try [false, true].flatMap { isStandard in
            try plan.verifyWidths.map { width in
                try rates.map { rate in
                    var configuration = try plan.family.configuration(
                        width: width, layerCount: plan.options.proxyLayers,
                        rules: isStandard ? .standard : .maximalUpdate(baseWidth: plan.baseWidth))
                    TransferPlan.setBatch(&configuration, plan.options.proxyBatch, of: plan.target)
                    try TransferPlan.setLength(&configuration, steps: steps, of: plan.target)
                    TransferPlan.setTrialRecords(&configuration, tokenizer: tokenizer)
                    for (hyperparameter, value) in best { hyperparameter.set(value, in: &configuration) }
                    plan.sweptRate.set(rate, in: &configuration)
                    configuration.training.addToSeed(seed)
                    let rules = isStandard ? "standard" : "mup"
                    var trial = Trial(
                        name:
                            "verify/\(steps)-steps/\(rules)-width-\(width)/\(plan.sweptRate.rawValue.replacing("_", with: "-"))-\(rate)"
                            + (seed > 0 ? "-seed-\(seed + 1)" : ""),
                        configuration: configuration, values: best.merging([plan.sweptRate: rate]) { $1 })
                    // What chose the values is not what they are reported on.
                    trial.isTested = plan.target.corpus.test > 0
                    return trial
                }
            }
        }
    }

    init(
        _ plan: TransferPlan, best: SearchSpace.Point, rates: [Double], tokenizer: String, runner: TrialRunner,
        vocabularySize: Int
    ) throws {
        steps = plan.options.verifySteps ?? plan.proxy.training.steps
        self.rates = rates
        metric = plan.options.metric
        split = plan.target.corpus.test > 0 ? "test" : "held_out"
        let groups = try Self.trials(plan, best: best, rates: rates, tokenizer: tokenizer)
        seeds = plan.options.seeds
        let runs = try runner.run(
            (0..<seeds).flatMap { seed in
                try Self.trials(plan, best: best, rates: rates, seed: seed, tokenizer: tokenizer).flatMap { $0 }
            })
        let trialCount = groups.reduce(0) { $0 + $1.count }
        let (seeds, metric) = (seeds, metric)
        let results = (0..<trialCount).map { place in
            TrialResult((0..<seeds).map { runs[$0 * trialCount + place] }, metric: metric)
        }
        let count = plan.verifyWidths.count
        sweeps = groups.indices.map { group in
            Sweep(
                width: plan.verifyWidths[group % count], isStandard: group >= count, rate: plan.sweptRate,
                results: Array(results[group * rates.count..<(group + 1) * rates.count]))
        }
        costShare =
            groups[0].reduce(0) { $0 + $1.flops(vocabularySize: vocabularySize) }
            / groups[count - 1].reduce(0) { $0 + $1.flops(vocabularySize: vocabularySize) }
        passes = false
        judge(targetWidth: plan.target.model.hiddenSize)
    }

    private mutating func judge(targetWidth: Int) {
        let (mup, standard) = (sweeps.filter { !$0.isStandard }, sweeps.filter(\.isStandard))
        drift = Self.drift(mup, metric)
        standardDrift = Self.drift(standard, metric)
        worstRise = Self.worstRise(mup.map { $0.best(metric)?.loss })
        standardWorstRise = Self.worstRise(standard.map { $0.best(metric)?.loss })
        let rate = mup.first?.best(metric)?.rate
        func losses(_ sweeps: [Sweep]) -> [Double?] { sweeps.map { loss($0, at: rate) } }
        worstRiseAtTransferredRate = Self.worstRise(losses(mup))
        standardWorstRiseAtTransferredRate = Self.worstRise(losses(standard))
        func excess(_ sweeps: [Sweep]) -> Double? {
            guard let last = sweeps.last, let lowest = last.best(metric)?.loss, let loss = loss(last, at: rate) else {
                return nil
            }
            return loss / lowest - 1
        }
        self.excess = excess(mup)
        standardExcess = excess(standard)
        expectedLoss = Self.extrapolated(zip(mup.map(\.width), losses(mup)).map { ($0, $1) }, to: targetWidth)
        passes = Self.passes(mup, metric)
    }

    private func loss(_ sweep: Sweep, at rate: Double?) -> Double? {
        sweep.results.first { $0.values[sweep.rate] == rate }?.loss(metric)
    }

    private static func drift(_ sweeps: [Sweep], _ metric: TrialMetric) -> Double? {
        let best = sweeps.compactMap { $0.best(metric)?.rate }
        guard best.count == sweeps.count, let low = best.min(), let high = best.max() else { return nil }
        return log2(high / low)
    }

    /// - Parameter sweeps: of muP, by width.
    package static func passes(_ sweeps: [Sweep], _ metric: TrialMetric) -> Bool {
        (driftWithinSpread(sweeps, metric) ?? 99) <= 1.01 && !rises(sweeps, metric)
    }

    /// The same with the learning rates of each width that are not told apart from its best by more than seeds differ.
    private static func driftWithinSpread(_ sweeps: [Sweep], _ metric: TrialMetric) -> Double? {
        let rates = sweeps.map { sweep -> [Double] in
            let ranked = sweep.results.ranked(by: metric)
            guard let best = ranked.first, let lowest = best.loss(metric) else { return [] }
            return ranked.filter { result in
                let margin = max(best.spread ?? 0, result.spread ?? 0)
                return result.loss(metric).map { $0 - lowest <= margin } ?? false
            }.compactMap { $0.values[sweep.rate] }
        }
        guard rates.allSatisfy({ !$0.isEmpty }) else { return nil }
        return rates.joined().compactMap { low -> Double? in
            // The smallest of each width that is not below.
            let chosen = rates.compactMap { $0.filter { $0 >= low }.min() }
            return chosen.count == rates.count ? chosen.max().map { log2($0 / low) } : nil
        }.min()
    }

    /// Whether the lowest loss rises from one width to the next by more than seeds differ.
    private static func rises(_ sweeps: [Sweep], _ metric: TrialMetric) -> Bool {
        let best = sweeps.map { $0.results.ranked(by: metric).first }
        return zip(best, best.dropFirst()).contains { narrow, wide in
            guard let narrow, let wide, let before = narrow.loss(metric), let after = wide.loss(metric) else {
                return true
            }
            return after - before > max(narrow.spread ?? 0, wide.spread ?? 0)
        }
    }

    private static func worstRise(_ losses: [Double?]) -> Double? {
        let known = losses.compactMap(\.self)
        guard known.count == losses.count, known.count > 1 else { return nil }
        return zip(known, known.dropFirst()).map { $1 - $0 }.max()
    }

    /// `loss = a + b · width^−c` through the last three widths, if it falls ever more slowly there.
    private static func extrapolated(_ points: [(width: Int, loss: Double?)], to width: Int) -> Double? {
        if let known = points.first(where: { $0.width == width })?.loss { return known }
        let last = points.suffix(3)
        guard last.count == 3, last.allSatisfy({ $0.loss != nil }) else { return nil }
        let x = last.map { log(Double($0.width)) }
        let y = last.map { $0.loss! }
        // Only for equal ratios of widths has the curve a closed form.
        guard abs((x[1] - x[0]) - (x[2] - x[1])) < 1e-9 else { return nil }
        let (first, second) = (y[0] - y[1], y[1] - y[2])
        guard first > 0, second > 0, second < first else { return nil }
        let ratio = second / first
        let intervals = (log(Double(width)) - x[2]) / (x[1] - x[0])
        return y[2] - second * ratio * (1 - pow(ratio, intervals)) / (1 - ratio)
    }
}
