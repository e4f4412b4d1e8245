import Pretraining

/// What a search is asked to do.
public struct TransferOptions: Sendable {
    /// Of the discriminator; nil: `WidthFamily.suggestedWidth`.
    public var proxyWidth: Int?
    /// Nil: the target's layers, the only possibility but for Pre-LN.
    public var proxyLayers: Int?
    /// Steps of the longest trials; nil: as many as keep the search within `TransferPlan.sensibleShare`, but no fewer than
    /// `TransferPlan.fewestSteps` and no more than the target's.
    public var proxySteps: Int?
    /// Sequences of a step; nil: the target's.
    public var proxyBatch: Int?
    public var search: [String] = []
    public var method: SearchMethod?
    public var trials: Int?
    public var rungs = 2
    public var halvingFactor = 3.0
    public var metric = TrialMetric.total
    public var seed = 0
    /// Runs of each trial of the last rung, with seeds from training.seed on.
    public var seeds = 1
    public var rules = TransferRules()
    /// Widths of the verification; nil: none.
    public var verifyWidths: [Int]?
    /// Learning rates of the verification; empty: those of the search's grid, or four octaves around the best.
    public var verifyRates: [Double] = []
    /// Steps of the verification's runs; nil: the proxy's.
    public var verifySteps: Int?
    public var checksCoordinates = true

    public init() {}
}

/// A search that has been checked and laid out, before anything is trained.
public struct TransferPlan: Sendable {
    public var target: RunConfiguration
    public var options: TransferOptions
    public var family: WidthFamily
    /// The proxy with the target's own hyperparameters.
    public var proxy: RunConfiguration
    public var space: SearchSpace
    public var method: SearchMethod
    public var points: [SearchSpace.Point]
    public var halving: SuccessiveHalving
    /// The proxy at each rung's length.
    let rungConfigurations: [RunConfiguration]
    public var verifyWidths: [Int]
    public var baseWidth: Int
    /// Trials that were asked for in rungs that would say nothing.
    public var droppedRungs: Int { max(0, options.rungs - halving.rungs.count) }

    /// Share of the target's training that a search may cost without a word.
    public static let sensibleShare = 0.2
    /// Shorter proxies are not chosen unasked: ranks of runs that have hardly begun mean little.
    public static let fewestSteps = 1000

    /// - Throws: `TransferError` for whatever would make the search meaningless or impossible.
    public init(_ target: RunConfiguration, _ options: TransferOptions) throws {
        guard target.training.hours == nil else {
            throw TransferError.refused(
                "training.hours becomes a number of steps when a run begins, and a search needs it before: set training.steps instead "
                    + "(`pretrain config check` says how many this machine does in that time)")
        }
        guard target.corpus.heldOut > 0 else {
            throw TransferError.refused("corpus.held_out is 0, and trials are ranked by their loss on held-out text")
        }
        let objective = target.objective
        guard
            options.metric == .total || options.metric == .generator && objective.trainsGenerator
                || options.metric == .discriminator && objective.name.detects
        else {
            throw TransferError.refused(
                "--metric \(options.metric.rawValue): objective.name \(objective.name.rawValue) has no such loss here; use total"
            )
        }
        self.target = target
        self.options = options
        family = WidthFamily(target)
        let width = try options.proxyWidth ?? family.suggestedWidth()
        guard width <= target.model.hiddenSize else {
            throw TransferError.refused(
                "the proxy's width \(width) is above the target's \(target.model.hiddenSize); tune the target itself")
        }
        baseWidth = width
        // The target, too, must be a member of its own family: heads of 32 or more.
        _ = try family.configuration(width: target.model.hiddenSize, rules: .standard)
        var proxy: RunConfiguration
        do {
            proxy = try family.configuration(
                width: width, layerCount: options.proxyLayers, rules: .maximalUpdate(baseWidth: width))
        } catch TransferError.refused(let reason) where options.proxyWidth != nil {
            throw TransferError.refused("\(reason)\n\(Self.alternatives(family))")
        }
        Self.setBatch(&proxy, options.proxyBatch, of: target)
        space = try SearchSpace(parsing: options.search, for: target)
        if objective.replacements == .frozen {
            let isOther =
                width != target.model.hiddenSize
                || options.proxyLayers ?? target.model.layerCount != target.model.layerCount
            let multipliers: [Hyperparameter] = [.outputMultiplier, .attentionMultiplier]
            guard !isOther, options.verifyWidths == nil,
                !space.dimensions.contains(where: { multipliers.contains($0.hyperparameter) })
            else {
                throw TransferError.refused(
                    "objective.replacements is frozen, and that generator has one shape and its own multipliers: search at the "
                        + "target's own size (--proxy-width \(target.model.hiddenSize)) without --verify and without output_multiplier and "
                        + "attention_multiplier, or with a generator that is trained")
            }
        }
        method = options.method ?? (space.dimensions.count == 1 ? .grid : .random)
        points = try space.points(method: method, trials: options.trials, seed: options.seed)
        let steps = try options.proxySteps ?? Self.steps(of: proxy, target, trials: points.count, options)
        try Self.setLength(&proxy, steps: steps, of: target)
        self.proxy = proxy
        halving = SuccessiveHalving(
            trials: points.count, steps: steps, rungs: options.rungs, factor: options.halvingFactor)
        rungConfigurations = try halving.rungs.map { rung in
            var configuration = proxy
            try Self.setLength(&configuration, steps: rung.steps, of: target)
            return configuration
        }
        verifyWidths = Array(Set(options.verifyWidths ?? [])).sorted()
        if options.verifyWidths != nil, verifyWidths.count < 3 {
            throw TransferError.invalid("--verify compares three or more widths; name them with --verify-widths")
        }
        for width in verifyWidths {
            var member = try family.configuration(width: width, layerCount: options.proxyLayers, rules: .standard)
            try Self.setLength(&member, steps: options.verifySteps ?? steps, of: target)
        }
    }

    /// The batch of a proxy, and in proportion that of every stage that has its own.
    ///
    /// - Parameter batch: sequences of a step; nil leaves the target's.
    static func setBatch(_ configuration: inout RunConfiguration, _ batch: Int?, of target: RunConfiguration) {
        guard let batch else { return }
        for (index, stage) in target.training.stages.enumerated() {
            configuration.training.stages[index].batchSize = stage.batchSize.map { own in
                max(1, Int((Double(own) * Double(batch) / Double(target.training.batchSize)).rounded()))
            }
        }
        configuration.training.batchSize = batch
        configuration.training.accumulationSteps = 1
    }

    /// Steps of the longest trials that keep the search within a sensible share of the target's training.
    private static func steps(
        of proxy: RunConfiguration, _ target: RunConfiguration, trials: Int, _ options: TransferOptions
    ) throws -> Int {
        let all = target.training.steps
        guard all > fewestSteps else { return all }
        func trial(_ configuration: RunConfiguration) -> Double {
            Trial(name: "", configuration: configuration, values: [:]).flops(
                vocabularySize: target.tokenizer.vocabularySize)
        }
        var whole = proxy
        try setLength(&whole, steps: all, of: target)
        let rungs = SuccessiveHalving(trials: trials, steps: all, rungs: options.rungs, factor: options.halvingFactor)
            .rungs
        // The last rung is run with every seed, and one run of the first rung's length replaces tokens for all.
        let runs = rungs.enumerated().reduce(
            proxy.objective.trainsGenerator ? Double(rungs.first?.steps ?? 0) : 0
        ) { sum, rung in
            let seeds = rung.offset == rungs.count - 1 ? options.seeds : 1
            return sum + Double(seeds * rung.element.trials * rung.element.steps)
        }
        let share = runs / Double(all) * trial(whole) / trial(target)
        return share <= sensibleShare ? all : max(fewestSteps, Int(Double(all) * sensibleShare / share))
    }

    /// Widths that a proxy could have instead, with what a run of them costs.
    private static func alternatives(_ family: WidthFamily) -> String {
        func flops(_ configuration: RunConfiguration) -> Double {
            Trial(name: "", configuration: configuration, values: [:]).flops(
                vocabularySize: family.target.tokenizer.vocabularySize)
        }
        let widths = family.widths
        let step = max(1, (widths.count + 7) / 8)
        let shown = widths.enumerated().filter { $0.offset % step == 0 }.compactMap { entry -> String? in
            guard let member = try? family.configuration(width: entry.element, rules: .standard) else { return nil }
            let share = 100 * flops(member) / flops(family.target)
            return "\(entry.element) (\(Int(share.rounded())) %)"
        }
        return shown.isEmpty
            ? "No narrower width has the target's proportions; change the target's heads, generator or embeddings."
            : "Widths that have the target's proportions, with the share of the target's training that a run of as many steps "
                + "costs: " + shown.joined(separator: ", ")
    }

    /// The length of a run, with warmup, decay and stages of the same share.
    ///
    /// - Throws: `TransferError.refused` where a stage would be shorter than one step.
    static func setLength(
        _ configuration: inout RunConfiguration, steps: Int, of target: RunConfiguration
    ) throws {
        configuration.scaleLength(to: steps, of: target)
        // Stages keep their shares: a shorter run would otherwise never leave the first one. Their ends are rounded, not
        // their lengths, so that roundings do not add up.
        var (end, before) = (0, 0)
        for (index, stage) in target.training.stages.enumerated()
        where configuration.training.stages.indices.contains(index) {
            end += stage.steps
            let scaled = Int((Double(end) / Double(target.training.steps) * Double(steps)).rounded())
            guard scaled > before else {
                throw TransferError.refused(
                    "in a run of \(steps) steps, training.stages.\(index) (\(stage.steps) of the target's "
                        + "\(target.training.steps) steps) would have none; raise --proxy-steps or "
                        + "--verify-steps, lower --rungs, or leave the stage out")
            }
            configuration.training.stages[index].steps = scaled - before
            before = scaled
        }
    }

    /// Settings of a trial that do not touch its weights: what is recorded, and that it can be resumed.
    static func setTrialRecords(_ configuration: inout RunConfiguration, tokenizer: String) {
        let steps = configuration.training.steps
        configuration.tokenizer.path = tokenizer
        configuration.training.evaluateEvery = 0
        // There a run may go back to.
        if configuration.training.spikeAction != .rollBack {
            // Replicas are one model only where they meet.
            let meeting = configuration.training.synchronisation.every
            configuration.training.checkpointEvery = (max(100, steps / 4) + meeting - 1) / meeting * meeting
        }
        configuration.training.keepLast = 1
        configuration.training.keepEvery = nil
        configuration.training.logEvery = max(1, steps / 100)
        configuration.evaluation.samples = 0
    }

    /// The trials of one rung.
    ///
    /// - Parameters:
    ///   - chosen: indices into `points`.
    ///   - folder: of the search, which holds the tokenizer.
    package func trials(rung: Int, chosen: [Int], seed: Int = 0, tokenizer: String) -> [Trial] {
        chosen.map { index in
            var configuration = rungConfigurations[rung]
            Self.setTrialRecords(&configuration, tokenizer: tokenizer)
            configuration.training.addToSeed(seed)
            for (hyperparameter, value) in points[index] { hyperparameter.set(value, in: &configuration) }
            return Trial(
                name: "trials/rung-\(rung + 1)/trial-\(index + 1)" + (seed > 0 ? "-seed-\(seed + 1)" : ""),
                configuration: configuration,
                values: points[index])
        }
    }

    /// The run whose generator replaces tokens for all trials; nil where trials' losses can be compared as they are: without
    /// a generator, or with one that is not trained.
    ///
    /// With a seed that no trial has: a trial that met its own replacements would look better than the others.
    func corruptionSource(tokenizer: String) -> Trial? {
        guard proxy.objective.trainsGenerator else { return nil }
        var configuration = rungConfigurations[0]
        configuration.training.makeSeedApart()
        Self.setTrialRecords(&configuration, tokenizer: tokenizer)
        return Trial(name: "corruption", configuration: configuration, values: [:])
    }

    /// Floating-point operations of the whole search, if nothing diverges.
    public func searchFlops(vocabularySize: Int) -> Double {
        let source = corruptionSource(tokenizer: "")?.flops(vocabularySize: vocabularySize) ?? 0
        return halving.rungs.enumerated().reduce(source) { sum, rung in
            let trial = trials(rung: rung.offset, chosen: [0], tokenizer: "")[0]
            let seeds = rung.offset == halving.rungs.count - 1 ? options.seeds : 1
            return sum + Double(seeds * rung.element.trials) * trial.flops(vocabularySize: vocabularySize)
        }
    }

    /// Floating-point operations of the verification.
    public func verifyFlops(vocabularySize: Int) -> Double {
        verifyWidths.isEmpty
            ? 0 : Verification.flops(self, rateCount: plannedRates.count, vocabularySize: vocabularySize)
    }

    /// The rate that a verification sweeps: the one that was searched, and of both the one that moves most weights.
    var sweptRate: Hyperparameter {
        space.dimensions.contains { $0.hyperparameter == .muonLearningRate } ? .muonLearningRate : .learningRate
    }

    /// Learning rates of the verification, or factors of the best one.
    var plannedRates: [Double] {
        if !options.verifyRates.isEmpty { return options.verifyRates.sorted() }
        if method == .grid, let rate = space.dimensions.first(where: { $0.hyperparameter == sweptRate }) {
            return Set(points.compactMap { $0[rate.hyperparameter] }).sorted()
        }
        return [0.25, 0.5, 1, 2, 4]
    }

    /// Best values at the edge of what was searched, with what to search next.
    func edges(_ best: SearchSpace.Point) -> [String] {
        space.dimensions.compactMap { dimension in
            let tried = Set(points.compactMap { $0[dimension.hyperparameter] })
            guard tried.count > 1, let value = best[dimension.hyperparameter], let low = tried.min(),
                let high = tried.max(), value == low || value == high
            else { return nil }
            func text(_ value: Double) -> String { String(format: "%.3g", value) }
            let range = value == low ? "\(text(low / 8))..\(text(low * 2))" : "\(text(high / 2))..\(text(high * 8))"
            let name = dimension.hyperparameter.rawValue
            return
                "the best \(name), \(text(value)), is the \(value == low ? "lowest" : "highest") that was tried: better ones "
                + "may lie beyond; search on with --search \(name)=\(range)"
        }
    }

    public func targetFlops(vocabularySize: Int) -> Double {
        Trial(name: "", configuration: target, values: [:]).flops(vocabularySize: vocabularySize)
    }

    /// The target's configuration with base widths and the values found.
    ///
    /// - Returns: the configuration, and what else was done to it, a line each.
    public func transferred(_ values: SearchSpace.Point) throws -> (configuration: RunConfiguration, notes: [String]) {
        var result = target
        result.parametrization = try family.parametrization(
            .maximalUpdate(baseWidth: baseWidth), proxyDepth: options.proxyLayers)
        for (hyperparameter, value) in values { hyperparameter.set(value, in: &result) }
        var proxy = proxy
        for (hyperparameter, value) in values { hyperparameter.set(value, in: &proxy) }
        let notes = options.rules.apply(to: &result, proxy: proxy)
        return (result, notes)
    }
}
