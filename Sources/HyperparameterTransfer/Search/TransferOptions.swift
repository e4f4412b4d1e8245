import Pretraining

/// What a search is asked to do.
public struct TransferOptions: Sendable {
    /// Of the discriminator; nil: `WidthFamily.suggestedWidth`.
    public var proxyWidth: Int?
    /// Nil: the target's layers, the only possibility but for Pre-LN.
    public var proxyLayers: Int?
    /// Steps of the longest trials; nil: the target's.
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
    public var verifyWidths: [Int]
    public var baseWidth: Int

    /// - Throws: `TransferError` for whatever would make the search meaningless or impossible.
    public init(_ target: RunConfiguration, _ options: TransferOptions) throws {
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
        var proxy = try family.configuration(
            width: width, layerCount: options.proxyLayers, rules: .maximalUpdate(baseWidth: width))
        if let batch = options.proxyBatch {
            proxy.training.batchSize = batch
            proxy.training.accumulationSteps = 1
        }
        let steps = options.proxySteps ?? target.training.steps
        Self.setLength(&proxy, steps: steps, of: target)
        self.proxy = proxy
        space = try SearchSpace(parsing: options.search, for: target)
        method = options.method ?? (space.dimensions.count == 1 ? .grid : .random)
        points = try space.points(method: method, trials: options.trials, seed: options.seed)
        halving = SuccessiveHalving(
            trials: points.count, steps: steps, rungs: options.rungs, factor: options.halvingFactor)
        verifyWidths = Array(Set(options.verifyWidths ?? [])).sorted()
        if options.verifyWidths != nil, verifyWidths.count < 3 {
            throw TransferError.invalid("--verify compares three or more widths; name them with --verify-widths")
        }
        for width in verifyWidths {
            _ = try family.configuration(width: width, layerCount: options.proxyLayers, rules: .standard)
        }
    }

    /// The length of a run, with a warmup of the same share.
    static func setLength(_ configuration: inout RunConfiguration, steps: Int, of target: RunConfiguration) {
        configuration.training.steps = steps
        let share = Double(target.optimizer.warmupSteps) / Double(target.training.steps)
        configuration.optimizer.warmupSteps =
            steps == target.training.steps
            ? target.optimizer.warmupSteps : Int((min(share, 1) * Double(steps)).rounded(.up))
        if let decay = target.optimizer.decaySteps {
            configuration.optimizer.decaySteps = max(
                1, Int((Double(decay) / Double(target.training.steps) * Double(steps)).rounded()))
        }
    }

    /// Settings of a trial that do not touch its weights: what is recorded, and that it can be resumed.
    static func setTrialRecords(_ configuration: inout RunConfiguration, tokenizer: String) {
        let steps = configuration.training.steps
        configuration.tokenizer.path = tokenizer
        configuration.training.evaluateEvery = 0
        configuration.training.checkpointEvery = max(100, steps / 4)
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
    func trials(rung: Int, chosen: [Int], tokenizer: String) -> [Trial] {
        chosen.map { index in
            var configuration = proxy
            Self.setLength(&configuration, steps: halving.rungs[rung].steps, of: target)
            Self.setTrialRecords(&configuration, tokenizer: tokenizer)
            for (hyperparameter, value) in points[index] { hyperparameter.set(value, in: &configuration) }
            return Trial(
                name: "trials/rung-\(rung + 1)/trial-\(index + 1)", configuration: configuration,
                values: points[index])
        }
    }

    /// Floating-point operations of the whole search, if nothing diverges.
    public func searchFlops(vocabularySize: Int) -> Double {
        halving.rungs.enumerated().reduce(0) { sum, rung in
            let trial = trials(rung: rung.offset, chosen: [0], tokenizer: "")[0]
            return sum + Double(rung.element.trials) * trial.flops(vocabularySize: vocabularySize)
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
