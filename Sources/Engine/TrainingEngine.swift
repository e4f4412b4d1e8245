import Communication
import Configuration
import Corpus
import Encoder
import Kernels
import Objectives
import Optimization
import Parametrization
import Tokenization

/// One step of training as a function of weights, batch and step number; the same bits for any number of threads.
public final class TrainingEngine {
    public let configuration: EngineConfiguration
    public let objective: ReplacedTokenDetection
    public let state: TrainingState
    public let pool: ThreadPool
    public let schedule: LearningRateSchedule
    public let special: SpecialTokens

    let optimizer: Optimizer
    private let randomTokens: RandomTokens
    /// Samples of a frozen generator that earlier runs have kept, if the run has such a file.
    package var corruptionCache: CorruptionCache?
    let laneCount: Int
    /// Its buffers are made at the first step, since evaluation needs none.
    let gradients: LaneGradients
    /// What the generator's part of the state was before its turn, where networks take turns.
    lazy var generatorSnapshot = GeneratorSnapshot(state)
    /// Whether the step or evaluation under way is to end early, with a `CancellationError` and nothing changed; called
    /// often, from all workers.
    public var isCancelled: (@Sendable () -> Bool)?
    /// Whether weights and moments are of no one step, since the exchange with other ranks failed amid an update.
    public internal(set) var isTorn = false
    /// Called with the merged gradients, before clipping, and the part of them that is about to move the weights.
    public var seesGradients: ((UnsafePointer<Float>, Range<Int>) -> Void)?
    /// Called with a step's loss and gradient norm before weights move; what it throws leaves the step out, with nothing changed.
    public var accepts: ((_ loss: Double, _ norm: Double) throws -> Void)?
    /// What an analysis does to forward passes of evaluations.
    package var inspection: LayerInspection?
    /// One a worker; a single one where workers divide chunks, and `scratch` of each.
    let arenas: [FloatBuffer]
    private let scratch: [FloatBuffer]
    /// How passes multiply, with weights as products read them.
    let products: PassProducts
    private let unitMemory = UnitMemory()
    let seed: UInt64
    /// With the other ranks that carry lanes of the same batches; nil where this is alone.
    let exchange: StepExchange?
    /// The exchange of the gradients of the pass under way.
    var reduction: GradientReduction?
    private let rounding: UpdateRounding?
    /// How each rank has spent the last step; empty where there is one.
    public internal(set) var timings: [RankTiming] = []

    /// - Parameters:
    ///   - previous: weights and moments to go on with, of a model that differs in lengths only.
    ///   - ranks: that carry the batches together, each some of their lanes; nil for this alone.
    ///   - writesCheckpoints: whether there has to be memory for a copy of weights and moments.
    /// - Throws: `MemoryShortage`.
    public convenience init(
        _ configuration: EngineConfiguration, vocabularySize: Int, special: SpecialTokens, pool: ThreadPool,
        continuing previous: TrainingState? = nil, ranks: RankGroup? = nil, writesCheckpoints: Bool = true
    ) throws {
        try self.init(
            configuration, vocabularySize: vocabularySize, special: special, pool: pool, continuing: previous,
            planting: nil, ranks: ranks, writesCheckpoints: writesCheckpoints)
    }

    /// - Parameter scaling: factors that take the place of a tensor's own; nil leaves them.
    /// - Throws: `MemoryShortage`.
    package init(
        _ configuration: EngineConfiguration, vocabularySize: Int, special: SpecialTokens, pool: ThreadPool,
        continuing previous: TrainingState? = nil, planting scaling: ((ParameterSpec) -> ParameterScaling?)?,
        ranks: RankGroup? = nil, writesCheckpoints: Bool = true
    ) throws {
        self.configuration = configuration
        self.pool = pool
        self.special = special
        laneCount = configuration.laneCount
        let model = Self.model(configuration, vocabularySize: vocabularySize)
        let rankCount = ranks?.count ?? 1
        try ModelCost(configuration, model: model, threads: pool.threadCount, ranks: rankCount).checkMemory(
            isBeginning: previous == nil, writesCheckpoints: writesCheckpoints)
        objective = ReplacedTokenDetection(model: model, configuration: configuration.objective)
        let layout = scaling.map(model.layout.planting) ?? model.layout
        state =
            previous
            ?? TrainingState(
                layout, configuration.optimizer.kind, hasOuterStep: configuration.replica != nil,
                isShared: rankCount > 1 && configuration.replica == nil)
        let isRounded = configuration.communication == .bfloat16
        gradients = LaneGradients(layout, threadCount: pool.threadCount, isRounded: isRounded)
        rounding = isRounded ? UpdateRounding(layout, gradients.pieces) : nil
        let isGeneratorFrozen = configuration.objective.replacements == .frozen
        let isFrozen = { (name: String) in isGeneratorFrozen && name.hasPrefix("generator.") }
        let isDoneByLayer =
            configuration.objective.contrast == 0 && !configuration.model.attention.disentangled
        let pieces = gradients.pieces
        let exchange = ranks.map {
            StepExchange(
                $0, layout, pieces, kind: configuration.optimizer.kind, pool: pool, isDoneByLayer: isDoneByLayer,
                isFrozen: isFrozen)
        }
        self.exchange = exchange
        optimizer = Optimizer(
            configuration.optimizer, layout, parametrization: configuration.parametrization,
            precision: configuration.precision, isFrozen: isFrozen, owns: { exchange?.owns($0) ?? true })
        randomTokens = RandomTokens(
            vocabularySize: vocabularySize, excluding: special.neverMasked + [special.unknown, special.mask])
        schedule = LearningRateSchedule(configuration.optimizer, totalSteps: configuration.totalSteps)
        let isDivided = model.limits.sliceTokens != nil
        arenas = (0..<(isDivided ? 1 : pool.threadCount)).map { _ in FloatBuffer(count: model.activationCount) }
        scratch = (0..<(isDivided ? pool.threadCount : 0)).map { _ in FloatBuffer(count: model.scratchCount) }
        products = PassProducts(configuration.precision, layout)
        // Replicas draw random numbers of their own; the first those of the configuration, so that it evaluates as any model.
        seed = UInt64(configuration.seed) ^ UInt64(configuration.replica?.index ?? 0) &* 0x9e37_79b9_7f4a_7c15
        if previous != nil { weightsChanged() }
    }

    /// The networks of a configuration.
    public static func model(_ configuration: EngineConfiguration, vocabularySize: Int) -> ReplacedTokenModel {
        ReplacedTokenModel(
            model: configuration.model, parametrization: configuration.parametrization, vocabularySize: vocabularySize,
            limits: limits(configuration), objective: configuration.objective,
            separateOptimizers: configuration.optimizer.separate,
            movesSharedTwice: configuration.optimizer.sharedTensors == .both)
    }

    /// The most that a chunk holds. Batches of short sequences may put twice as many into one as of full ones.
    static func limits(_ configuration: EngineConfiguration) -> ReplacedTokenModel.ChunkLimits {
        let length = configuration.sequenceLength
        let tokens = max(configuration.chunkTokens, length)
        return ReplacedTokenModel.ChunkLimits(
            tokens: tokens, sequences: max(1, 2 * tokens / length), longestSegment: length,
            maskFraction: configuration.objective.largestMaskFraction,
            sliceTokens: configuration.dividesSequences
                ? max(AttentionBlocks.rowCount, configuration.chunkTokens) : nil,
            recomputation: configuration.recomputation)
    }

    /// Draws initial weights.
    public func initialize() {
        ParameterInitializer.initialize(state.weights, state.layout, seed: seed, pool: pool)
        weightsChanged()
    }

    /// Computes all that is derived from weights once they have changed: sums of tables, and weights in bfloat16. Due when
    /// others than `train` have changed them.
    public func weightsChanged() {
        state.layout.deriveWeights(state.weights, pool: pool)
        products.round(state.weights, pool: pool)
    }

    /// One update from one batch.
    ///
    /// - Parameter step: counted from 1.
    /// - Throws: `NonFiniteError`, before anything was changed, when the loss or a gradient is not finite;
    ///   `CancellationError` likewise.
    public func train(_ batch: TokenBatch, step: Int) throws -> StepOutcome {
        exchange?.begin(step: step)
        if configuration.optimizer.generatorFirst { return try trainInTurns(batch, step: step) }
        let (sums, norms, squares) = try merge(try backward(batch, step: step).sums, step: step)
        try judge(sums, norm: LaneGradients.total(norms))
        try update(step: step, norms: norms, columnSquares: squares)
        return StepOutcome(
            step: step, sums: sums, loss: configuration.objective.total(sums),
            learningRate: schedule.learningRate(step: step), gradientNorm: LaneGradients.total(norms))
    }

    /// Leaves out a step that is not wanted.
    func judge(_ sums: LossSums, norm: Double) throws {
        do {
            try accepts?(configuration.objective.total(sums), norm)
        } catch {
            gradients.clear()
            throw error
        }
    }

    /// Sums the gradients of all lanes, of all ranks.
    ///
    /// - Parameters:
    ///   - chunks: sums of this rank's chunks, in order.
    ///   - members: which of two optimizers have gradients; both by default.
    /// - Returns: sums of the whole batch, the norm of each optimizer's gradients, and what coupled tables need to know of them
    ///   where other ranks have some of it.
    /// - Throws: `NonFiniteError`, on all ranks alike.
    func merge(_ chunks: [LossSums], step: Int, members: Range<Int>? = nil) throws -> (
        LossSums, norms: [Double], ColumnSquares?
    ) {
        var chunks = chunks
        let norms: [Double]
        var columnSquares: ColumnSquares?
        var firstNonFinite: (tensor: Int, index: Int)?
        if let exchange {
            let (reports, squares) = try exchanged(chunks, exchange, members: members)
            chunks = reports.flatMap(\.sums)
            norms = gradients.norms(squares: squares)
            columnSquares = reports.reduce(into: ColumnSquares()) { $0.add($1.columnSquares) }
            firstNonFinite = reports.compactMap(\.nonFinite).map { ($0[0], $0[1]) }.min { $0 < $1 }
        } else {
            norms = gradients.merge(pool: pool)
            state.layout.returnGradients(gradients.sum, pool: pool)
        }
        let sums = LossSums.total(chunks)
        guard configuration.objective.total(sums).isFinite, norms.allSatisfy(\.isFinite) else {
            if exchange == nil { firstNonFinite = state.layout.firstNonFinite(in: gradients.sum) }
            let error = nonFinite(step: step, sums, gradient: firstNonFinite)
            gradients.clear()
            throw error
        }
        return (sums, norms, columnSquares)
    }

    /// Sums gradients with the other ranks, and learns what they have come to.
    private func exchanged(_ chunks: [LossSums], _ exchange: StepExchange, members: Range<Int>?) throws -> (
        [RankReport], squares: [Double]
    ) {
        do {
            guard let reduction else { preconditionFailure("gradients were not exchanged") }
            self.reduction = nil
            let squares = try reduction.complete(pool)
            state.layout.returnGradients(gradients.sum, pool: pool)
            var nonFinite: [Int]?
            if !squares.values.allSatisfy(\.isFinite), let found = state.layout.firstNonFinite(in: gradients.sum) {
                nonFinite = [found.tensor, found.index]
            }
            let report = RankReport(
                sums: chunks, squares: squares,
                columnSquares: optimizer.columnSquares(gradients.sum, members: members, pool: pool),
                nonFinite: nonFinite, timing: exchange.timing())
            let reports = try Profile.span("losses and norms exchanged") { try report.exchanged(exchange.group) }
            timings = reports.map(\.timing)
            return (reports, exchange.squares(reports.map(\.squares)))
        } catch {
            gradients.clear()
            throw error
        }
    }

    /// Moves the weights by the merged gradients.
    ///
    /// - Parameters:
    ///   - norms: of each optimizer's gradients.
    ///   - columnSquares: of these gradients, of all ranks; nil where there are no others.
    ///   - members: which of two optimizers move; both by default.
    func update(step: Int, norms: [Double], columnSquares: ColumnSquares?, members: Range<Int>? = nil) throws {
        let optimizers =
            norms.count == 1
            ? [configuration.optimizer] : [configuration.optimizer.ofGenerator, configuration.optimizer]
        if let seesGradients {
            let count = state.layout.bufferCount
            let start = state.layout.secondGroupStart ?? 0
            let ranges = [0..<start, start..<count]
            try exchange?.gather([gradients.sum])
            seesGradients(gradients.sum.base, members.map { ranges[$0.lowerBound] } ?? 0..<count)
        }
        rounding?.remember(state.weights, pool)
        // Until all weights have come, those that are here are of no step.
        isTorn = exchange != nil
        optimizer.update(
            weights: state.weights, gradients: gradients.sum, state: state.optimizer.map(\.buffer), step: step,
            scheduleFactor: schedule.factor(step: step),
            gradientScales: zip(norms, optimizers).map { LaneGradients.clipFactor(norm: $0, limit: $1.clipNorm) },
            columnSquares: columnSquares, members: members, pool: pool)
        if let exchange {
            // What was gathered for those who look at it is others' to clear.
            if seesGradients != nil { exchange.clearOthers(gradients.sum) }
            try Profile.span("weights exchanged") {
                if let rounding {
                    try exchange.shareRounded(state.weights, before: rounding.before, members: members)
                } else {
                    try exchange.share(state.weights, members: members)
                }
            }
            exchange.end()
            isTorn = false
        } else {
            rounding?.round(state.weights, pool)
        }
        weightsChanged()
    }

    /// Forward and backward passes of all lanes, into their gradient buffers.
    ///
    /// - Parameters:
    ///   - part: of the step.
    ///   - sampled: what stands at the masked positions, if the generator has sampled it already.
    /// - Returns: sums of every chunk that is carried here; with `part: .generator`, what it has sampled (for other ranks' lanes:
    ///   nothing of use).
    func backward(
        _ batch: TokenBatch, step: Int, part: ReplacedTokenDetection.Work.Part = .whole, sampled: [Int32]? = nil
    ) throws -> (sums: [LossSums], sampled: [Int32]) {
        let objective = configuration.objective
        let masking = Profile.phase("masking") { self.masking(batch, purpose: .masking, step: step) }
        var replacements = sampled ?? randomReplacements(masking, purpose: .sampling, step: step)
        let temperature =
            objective.replacements == .frozen ? objective.frozenGenerator.temperature(step: step) : 1
        let key = corruptionCache?.key(batch, masking, temperature: temperature, configuration)
        if let key {
            replacements = corruptionCache?.replacements(
                step: step, key: key, count: masking.positions.count,
                vocabularySize: self.objective.model.vocabularySize)
        }
        let isKept = replacements != nil
        let work = ReplacedTokenDetection.Work(
            batch: batch, masking: masking, sampling: Philox(seed: seed, purpose: .sampling), step: step,
            replacements: replacements, cropping: Philox(seed: seed, purpose: .cropping), temperature: temperature,
            part: part)
        let dropout = DropoutStream(seed: seed, step: step)
        let gradients = gradients
        var corrupted: [Int32] = []
        let keeps = key != nil && !isKept
        let collects = keeps || part == .generator
        let sums: [LossSums]
        let members: Range<Int>? =
            switch part {
            case .whole: nil
            case .generator: 0..<1
            case .mainEncoder: 1..<2
            }
        reduction = exchange?.reduction(gradients, laneCount: laneCount, members: members)
        do {
            sums = try run(work, gradients: gradients, dropout: dropout) { results in
                if collects {
                    for (chunk, outcome) in results {
                        // Of lanes that other ranks carry nobody asks here.
                        if corrupted.isEmpty { corrupted = batch.tokens[..<chunk.firstRow].map { Int32($0) } }
                        corrupted += outcome.corrupted
                    }
                }
            }
            if collects { corrupted += batch.tokens[corrupted.count...].map { Int32($0) } }
        } catch {
            reduction?.abandon()
            reduction = nil
            gradients.clear()
            throw error
        }
        let replaced = collects ? masking.positions.map { corrupted[Int($0)] } : []
        if let key, keeps { corruptionCache?.keep(replaced, step: step, key: key) }
        return (sums, replaced)
    }

    private func masking(_ batch: TokenBatch, purpose: RandomPurpose, step: Int) -> Masking {
        let objective = configuration.objective
        let fraction =
            purpose == .evaluationMasking
            ? objective.evaluationMaskFraction
            : objective.maskFraction(progress: Double(step) / Double(configuration.totalSteps))
        return Masking(
            batch, configuration: objective, fraction: fraction, maskID: special.mask, special: special.neverMasked,
            random: Philox(seed: seed, purpose: purpose), step: step, randomTokens: randomTokens)
    }

    /// Random tokens for a masking's positions, where the objective wants these; nil where a generator samples.
    private func randomReplacements(_ masking: Masking, purpose: RandomPurpose, step: Int) -> [Int32]? {
        guard configuration.objective.name.readsReplacements, configuration.objective.replacements == .random else {
            return nil
        }
        return randomTokens.replacements(masking, random: Philox(seed: seed, purpose: purpose), step: step)
    }

    /// Losses and predictions on a batch, without dropout.
    ///
    /// - Parameters:
    ///   - index: of the batch within the evaluation; keys masking and samples, so that every evaluation sees the same.
    ///   - corruption: of the batch by another model; nil: by this one.
    ///   - gradients: which get the objective's gradient, to be merged; nil for no backward pass.
    ///   - collect: called with each chunk's outcome, in order.
    /// - Throws: `CancellationError`.
    public func evaluate(
        _ batch: TokenBatch, index: Int, corruption: Corruption? = nil, gradients: LaneGradients? = nil,
        collect: (ReplacedTokenDetection.Work, ChunkGeometry, ReplacedTokenDetection.Outcome) -> Void
    ) throws -> LossSums {
        let masking = corruption?.masking ?? masking(batch, purpose: .evaluationMasking, step: index)
        let work = ReplacedTokenDetection.Work(
            batch: batch, masking: masking, sampling: Philox(seed: seed, purpose: .evaluationSampling), step: index,
            replacements: corruption?.replacements
                ?? randomReplacements(masking, purpose: .evaluationSampling, step: index),
            cropping: Philox(seed: seed, purpose: .cropping))
        return LossSums.total(
            try run(work, gradients: gradients, dropout: nil, inspection: inspection) { results in
                for (chunk, outcome) in results { collect(work, chunk, outcome) }
            })
    }

    /// How this model masks and replaces tokens of an evaluation batch.
    ///
    /// - Throws: `CancellationError`.
    public func corruption(of batch: TokenBatch, index: Int) throws -> Corruption {
        var tokens: [Int32] = []
        var masking: Masking?
        _ = try evaluate(batch, index: index) { work, _, outcome in
            masking = work.masking
            tokens += outcome.corrupted
        }
        let used = masking ?? self.masking(batch, purpose: .evaluationMasking, step: index)
        return Corruption(masking: used, replacements: used.positions.map { tokens[Int($0)] })
    }

    /// Runs the chunks of a batch, lanes side by side: all, or where gradients are wanted those that this rank carries.
    ///
    /// - Returns: the sums of each, in their order.
    /// - Throws: `CancellationError` where something was left out; gradients then mean nothing.
    private func run(
        _ work: ReplacedTokenDetection.Work, gradients: LaneGradients?, dropout: DropoutStream?,
        inspection: LayerInspection? = nil,
        collect: ([(ChunkGeometry, ReplacedTokenDetection.Outcome)]) -> Void
    ) throws -> [LossSums] {
        let limits = objective.model.limits
        let plan = LanePlan(
            work.batch, laneCount: isDivided ? 1 : laneCount, chunkTokens: limits.tokens,
            chunkSequences: limits.sequences)
        let lanes = plan.tasks(summingGradients: gradients != nil, isDivided: isDivided)
        let results = TaskResults<[(ChunkGeometry, ReplacedTokenDetection.Outcome)]>(count: lanes.count)
        let objective = objective
        let cancellation = isCancelled.map(PassCancellation.init)
        if isDivided {
            let buffers = gradients?.all(laneCount: laneCount) ?? []
            results[0] = lanes[0].compactMap { chunk in
                if cancellation?.cuts() ?? false { return nil }
                var pass = dividedPass(chunk, gradients: buffers, dropout: dropout)
                pass.inspection = inspection
                pass.cancellation = cancellation
                return (chunk, objective.run(work, pass))
            }
        } else {
            let own = gradients == nil ? nil : exchange?.lanes(of: lanes.count)
            let reduction = gradients == nil ? nil : reduction
            LaneGradients.run(gradients, laneCount: lanes.count, lanes: own, pool: pool) {
                [state, arenas, products] lane, worker, gradients in
                defer { reduction?.finish(lane: lane) }
                let last = lanes[lane].count - 1
                results[lane] = lanes[lane].enumerated().compactMap { index, chunk in
                    if cancellation?.cuts() ?? false { return nil }
                    var pass = LanePass(
                        weights: state.weights.base, gradients: gradients, arena: arenas[worker].base,
                        dropout: dropout, chunk: chunk)
                    pass.products = products
                    pass.inspection = inspection
                    pass.cancellation = cancellation
                    if let reduction, index == last {
                        pass.didFinishLayer = { reduction.finish($0, layer: $1, lane: lane) }
                    }
                    return (chunk, Profile.phase("objective") { objective.run(work, pass) })
                }
            }
        }
        if cancellation?.wasCut ?? false { throw CancellationError() }
        var sums: [LossSums] = []
        for lane in lanes.indices {
            let outcomes = results[lane] ?? []
            sums += outcomes.map(\.1.sums)
            collect(outcomes)
        }
        return sums
    }

    /// Whether all workers divide every chunk, as sequences are longer than what one carries.
    var isDivided: Bool { objective.model.limits.sliceTokens != nil }

    /// - Parameter gradients: of every lane; none where nothing is learned.
    func dividedPass(
        _ chunk: ChunkGeometry, gradients: [UnsafeMutablePointer<Float>] = [], dropout: DropoutStream?
    ) -> LanePass {
        let team = SliceTeam(
            chunk, sliceTokens: objective.model.limits.sliceTokens ?? chunk.tokenCount, laneCount: laneCount,
            pool: pool, gradients: gradients, scratch: scratch.map(\.base), memory: unitMemory)
        var pass = LanePass(
            weights: state.weights.base, arena: arenas[0].base, dropout: dropout, chunk: chunk, team: team)
        pass.products = products
        return pass
    }

    /// - Parameter gradient: the first that is not finite, by tensor and element.
    private func nonFinite(step: Int, _ sums: LossSums, gradient: (tensor: Int, index: Int)?) -> NonFiniteError {
        let place: NonFiniteError.Place
        // A weight that is not finite is where all the rest comes from.
        if let weight = state.firstNonFiniteWeight {
            place = .weight(tensor: weight.tensor, index: weight.index)
        } else if !sums.generatorLoss.isFinite {
            place = .generatorLoss
        } else if !sums.discriminatorLoss.isFinite {
            place = .discriminatorLoss
        } else if !sums.correctiveLoss.isFinite {
            place = .correctiveLoss
        } else if !sums.contrastiveLoss.isFinite {
            place = .contrastiveLoss
        } else if let gradient {
            place = .gradient(tensor: state.layout.specs[gradient.tensor].name, index: gradient.index)
        } else {
            place = .gradientNorm
        }
        return NonFiniteError(step: step, place: place)
    }
}
