import Corpus
import Encoder
import Engine
import Foundation
import Kernels
import Optimization
import Parametrization
import Pretraining

/// One step of fine-tuning as a function of weights, batch and step number; the same bits for any number of threads.
public final class TaskEngine {
    public let model: TaskModel
    public let weights: FloatBuffer
    /// What the optimizer keeps, in the order of its kind's state.
    public let moments: [(name: OptimizerStateName, buffer: FloatBuffer)]
    public let pool: ThreadPool
    /// Whether the step under way is to end early, with a `CancellationError` and nothing changed.
    public var isCancelled: (@Sendable () -> Bool)?
    let optimizer: Optimizer
    private let schedule: LearningRateSchedule
    /// How passes multiply, with weights as products read them.
    private let products: PassProducts
    private let arenas: [FloatBuffer]
    let seed: UInt64
    private let gradients: LaneGradients
    private let dropping: GradientDropping?
    private let sharedVector: SharedVector?
    private let adapterMean: AdapterMean?
    /// What holds the texts of a step against one another; nil where each has a loss of its own.
    let contrast: InBatchContrast?

    /// Groups of texts with gradients of their own, by the tokens of a step alone, never by the machine: products of few
    /// rows are slow, and every lane's gradients are summed.
    private static func laneCount(_ batch: TaskBatch) -> Int { max(2, min(batch.tokens.tokenCount / 256, mostLanes)) }
    static let mostLanes = 16

    /// - Parameters:
    ///   - layerDecay: learning rates fall by this factor from the head to the embeddings, layer by layer.
    ///   - headFactor: of the head's learning rate, beside.
    ///   - steps: of the whole run.
    ///   - contrast: for a model that gives vectors.
    package init(
        _ model: TaskModel, optimizer configuration: OptimizerConfiguration,
        parametrization: ParametrizationConfiguration, layerDecay: Double, headFactor: Double, steps: Int, seed: Int,
        precision: ProductPrecision = .float32, contrast: InBatchContrast? = nil, pool: ThreadPool
    ) {
        self.model = model
        self.contrast = contrast
        self.pool = pool
        self.seed = UInt64(seed)
        products = PassProducts(precision, model.layout)
        weights = FloatBuffer(count: model.layout.bufferCount)
        moments = configuration.kind.state.map { ($0, FloatBuffer(count: model.layout.bufferCount)) }
        optimizer = Optimizer(
            configuration, model.layout, parametrization: parametrization, precision: precision,
            isFrozen: { model.isFrozen(tensor: $0) },
            learningRateFactor: { name in
                let distance = model.distance(ofTensor: name)
                return (model.isHead(tensor: name) ? headFactor : 1) * pow(layerDecay, Double(distance))
            })
        schedule = LearningRateSchedule(configuration, totalSteps: steps)
        let encoderUse = model.encoderUse
        dropping =
            encoderUse.gradientDropping > 0
            ? GradientDropping(share: encoderUse.gradientDropping, seed: UInt64(seed)) : nil
        sharedVector = model.sharedVector.map {
            SharedVector(
                $0, model.layout, seed: UInt64(seed), moves: model.isMovedByVector,
                isFrozen: { model.isFrozen(tensor: $0.name) })
        }
        adapterMean = encoderUse.adapters.map { AdapterMean(model.layout, copies: $0.copies) }
        gradients = LaneGradients(model.layout, threadCount: pool.threadCount)
        arenas = (0..<pool.threadCount).map { _ in FloatBuffer(count: model.activationCount) }
    }

    /// Draws all weights by chance.
    public func initialize() {
        ParameterInitializer.initialize(weights, model.layout, seed: seed, pool: pool)
        weightsChanged()
    }

    /// Computes what is derived from weights. Due when others than this engine have changed them.
    public func weightsChanged() {
        adapterMean?.update(weights)
        sharedVector?.begin(weights)
        products.round(weights, pool: pool)
    }

    /// Takes the encoder's weights from a pretrained model; the head keeps its own.
    ///
    /// - Parameter trainsTokenTypes: whether second texts have been read with a type of their own; where not, that begins as the first
    ///   one's.
    public func load(_ pretrained: TrainingEngine, trainsTokenTypes: Bool) {
        let source = pretrained.state
        for spec in model.layout.specs where !spec.name.hasPrefix("task.") {
            let found: (offset: Int, shape: [Int])?
            if spec.name.hasPrefix("embeddings.") {
                found = source.layout.embedding(String(spec.name.dropFirst("embeddings.".count)), of: .discriminator)
                    .map { ($0.offset, $0.shape) }
            } else {
                found = source.layout[spec.name].map { ($0.offset, $0.shape) }
            }
            guard let found, found.shape == spec.shape else {
                preconditionFailure("\(spec.name) of a model with the same configuration")
            }
            let target = weights.base + spec.offset
            target.update(from: source.weights.base + found.offset, count: spec.count)
            if !trainsTokenTypes { spec.repeatFirstTokenType(in: target) }
        }
        weightsChanged()
    }

    /// The texts in an order in which lanes of consecutive ones have about as many tokens each: longest first, each to the
    /// lane that has the fewest and room left.
    package static func balanced(_ examples: [TaskExample], laneCount: Int) -> [TaskExample] {
        let count = examples.count
        let room = (0..<laneCount).map { ($0 + 1) * count / laneCount - $0 * count / laneCount }
        var lanes: [(examples: [TaskExample], tokens: Int)] = room.map { _ in ([], 0) }
        let order = examples.indices.sorted {
            (examples[$1].tokenCount, $0) < (examples[$0].tokenCount, $1)
        }
        for index in order {
            let open = lanes.indices.filter { lanes[$0].examples.count < room[$0] }
            guard let lane = open.min(by: { lanes[$0].tokens < lanes[$1].tokens }) else { continue }
            lanes[lane].examples.append(examples[index])
            lanes[lane].tokens += examples[index].tokenCount
        }
        return lanes.flatMap(\.examples)
    }

    /// What a step came to.
    public struct Outcome: Sendable {
        /// Weighted mean over the texts.
        public var loss: Double
        public var gradientNorm: Double
        public var learningRate: Double
    }

    /// One update.
    ///
    /// - Parameter step: counted from 1.
    /// - Throws: `NonFiniteError`, `CancellationError`; nothing was changed then.
    public func train(_ examples: [TaskExample], step: Int) throws -> Outcome {
        let unordered = TaskBatch(examples, pooling: model.pooling)
        let batch = TaskBatch(
            Self.balanced(examples, laneCount: Self.laneCount(unordered)), pooling: model.pooling)
        let loss: Double
        do {
            loss = try learn(
                batch, gradients, dropout: DropoutStream(seed: seed, step: step),
                reach: model.reach(dropped: dropping?.dropped(step: step, layers: model.encoder.layerCount)), step: step
            )
        } catch {
            gradients.clear()
            throw error
        }
        var norm = gradients.merge(pool: pool)[0]
        guard loss.isFinite, norm.isFinite else {
            defer { gradients.clear() }
            try checkWeights(step: step)
            let place: NonFiniteError.Place =
                loss.isFinite
                ? model.layout.firstNonFinite(in: gradients.sum).map {
                    .gradient(tensor: model.layout.specs[$0.tensor].name, index: $0.index)
                }
                    ?? .gradientNorm : .taskLoss
            throw NonFiniteError(step: step, place: place, isOfTask: true)
        }
        if let sharedVector {
            norm = sharedVector.project(gradients.sum, pool: pool)
        }
        optimizer.update(
            weights: weights, gradients: gradients.sum, state: moments.map(\.buffer), step: step,
            scheduleFactor: schedule.factor(step: step),
            gradientScales: [LaneGradients.clipFactor(norm: norm, limit: optimizer.configuration.clipNorm)],
            pool: pool)
        sharedVector?.apply(weights, pool: pool)
        weightsChanged()
        return Outcome(loss: loss, gradientNorm: norm, learningRate: schedule.learningRate(step: step))
    }

    /// Weights that are not finite must be neither evaluated nor saved.
    ///
    /// - Throws: `NonFiniteError`.
    func checkWeights(step: Int) throws { try model.layout.checkFinite(weights, step: step) }

    /// Nor may moments be saved that are not.
    ///
    /// - Throws: `NonFiniteError`.
    func checkMoments(step: Int) throws {
        for (name, buffer) in moments {
            try model.layout.checkFinite(buffer, of: name.rawValue, model.layout.specs, step: step)
        }
    }

    /// The loss of texts and its gradient by every parameter, without an update.
    ///
    /// - Parameters:
    ///   - dropout: nil for none.
    ///   - dropped: for the embeddings and each layer, whether its gradient is left out; nil: none is.
    ///   - step: that adapters are drawn for; nil: their mean is taken.
    package func gradient(
        of examples: [TaskExample], dropout: DropoutStream? = nil, dropped: [Bool]? = nil, step: Int? = nil
    ) throws -> (loss: Double, gradient: FloatBuffer) {
        let batch = TaskBatch(examples, pooling: model.pooling)
        let gradients = LaneGradients(model.layout, threadCount: pool.threadCount)
        let loss = try learn(
            batch, gradients, dropout: dropout, reach: model.reach(dropped: dropped), step: step)
        _ = gradients.merge(pool: pool)
        return (loss, gradients.sum)
    }

    /// The forward and the backward pass of a step.
    ///
    /// - Returns: the weighted mean loss.
    private func learn(
        _ batch: TaskBatch, _ gradients: LaneGradients, dropout: DropoutStream?, reach: GradientReach, step: Int?
    ) throws -> Double {
        if let contrast {
            return try learn(batch, contrast, gradients, dropout: dropout, reach: reach, step: step)
        }
        let losses = try run(batch, gradients: gradients, dropout: dropout, reach: reach, step: step).map(\.loss)
        return zip(losses, batch.weights).reduce(0) { $0 + $1.0 * $1.1 } / batch.totalWeight
    }

    /// The outputs for texts, without dropout, and their losses where the target is known.
    ///
    /// - Throws: `CancellationError`.
    public func predict(_ examples: [TaskExample]) throws -> [(outputs: [Float], loss: Double)] {
        try predict(examples, dropout: nil)
    }

    /// - Parameters:
    ///   - dropout: for outputs as training sees them.
    ///   - inspection: who watches the layers.
    package func predict(
        _ examples: [TaskExample], dropout: DropoutStream?, inspection: LayerInspection? = nil
    ) throws -> [(outputs: [Float], loss: Double)] {
        try run(TaskBatch(examples, pooling: model.pooling), gradients: nil, dropout: dropout, inspection: inspection)
    }

    /// - Parameters:
    ///   - reach: of the backward pass, where something is learned.
    ///   - step: that adapters are drawn for; nil: their mean is taken.
    ///   - upstream: the gradient of every text's outputs, where it is known already; nil: that of its own loss.
    func run(
        _ batch: TaskBatch, gradients: LaneGradients?, dropout: DropoutStream?,
        reach: GradientReach = GradientReach(lowestLayer: 0, embeddings: true, cleared: []), step: Int? = nil,
        upstream: [[Float]]? = nil, inspection: LayerInspection? = nil
    ) throws -> [(outputs: [Float], loss: Double)] {
        let plan = LanePlan(
            batch.tokens, laneCount: Self.laneCount(batch), chunkTokens: model.chunkTokens,
            chunkSequences: .max)
        let lanes = plan.tasks(summingGradients: gradients != nil)
        let results = TaskResults<[(outputs: [Float], loss: Double)]>(count: lanes.count)
        let total = batch.totalWeight
        let hasClasses = batch.targets.contains { if case .label = $0 { true } else { false } }
        let cancellation = isCancelled.map(PassCancellation.init)
        LaneGradients.run(gradients, laneCount: lanes.count, pool: pool) {
            [model, weights, arenas, products, seed] lane, worker, gradients in
            var found: [(outputs: [Float], loss: Double)] = []
            for chunk in lanes[lane] {
                if cancellation?.cuts() ?? false { break }
                var pass = LanePass(
                    weights: weights.base, gradients: gradients, arena: arenas[worker].base,
                    dropout: dropout, chunk: chunk)
                pass.products = products
                pass.cancellation = cancellation
                pass.inspection = inspection
                pass.isEncoderFixed = model.encoderUse.adapters != nil
                var views = [pass]
                if let step, let adapters = model.encoderUse.adapters {
                    // Views are made to agree on classes; of anything else there is one.
                    let count = hasClasses ? min(adapters.copies, 2) : 1
                    let random = Philox(seed: seed, purpose: .adapterRouting)
                    views = (0..<count).map { view in
                        var pass = pass
                        pass.adapterRoute = AdapterRoute(random, step: step, view: view)
                        return pass
                    }
                }
                found += Self.run(model, batch, chunk, views, total: total, upstream: upstream, reach)
            }
            if let gradients {
                for spec in reach.cleared { (gradients + spec.offset).update(repeating: 0, count: spec.count) }
            }
            results[lane] = found
        }
        if cancellation?.wasCut ?? false { throw CancellationError() }
        return lanes.indices.flatMap { results[$0] ?? [] }
    }

    private static func run(
        _ model: TaskModel, _ batch: TaskBatch, _ chunk: ChunkGeometry, _ views: [LanePass], total: Double,
        upstream: [[Float]]?, _ reach: GradientReach
    ) -> [(outputs: [Float], loss: Double)] {
        let pass = views[0]
        let firstText = batch.tokens.sequenceOffsets.firstIndex(of: chunk.firstRow) ?? 0
        let texts = firstText..<firstText + chunk.sequences.count
        let placeCount = batch.placeOffsets[texts.upperBound] - batch.placeOffsets[firstText]
        let places = TaskPlaces(
            rows: batch.places[batch.placeOffsets[firstText]...].prefix(placeCount).map {
                $0.lowerBound - chunk.firstRow..<$0.upperBound - chunk.firstRow
            }, first: batch.placeOffsets[firstText])
        // Texts without a word that the model reads.
        if placeCount == 0 { return texts.map { _ in ([], .nan) } }
        return batch.tokens.tokens[chunk.firstRow..<chunk.firstRow + chunk.tokenCount].withUnsafeBufferPointer { ids in
            let logits = model.forward(ids, places, pass)
            var extra: [Float] = []
            if views.count > 1, pass.gradients != nil {
                extra = agree(model, batch, texts, logits, ids, places, views[1], total: total, reach)
                // The second view has overwritten what the first had left.
                _ = model.forward(ids, places, pass)
            }
            let results = texts.map { text in
                let start = logits.row(batch.placeOffsets[text] - places.first)
                let count = (batch.placeOffsets[text + 1] - batch.placeOffsets[text]) * model.outputCount
                let outputs = (0..<count).map { start[$0] }
                if let upstream {
                    for index in 0..<count { start[index] = upstream[text][index] }
                    return (outputs, Double.nan)
                }
                guard let target = batch.targets[text], count > 0 else {
                    if pass.gradients != nil { start.update(repeating: 0, count: count) }
                    return (outputs, Double.nan)
                }
                let loss = TaskLoss.loss(
                    start, count: count, target, weight: batch.weights[text] / total,
                    gradient: pass.gradients == nil ? nil : start)
                return (outputs: outputs, loss: loss)
            }
            if pass.gradients != nil {
                for (index, value) in extra.enumerated() { logits.base[index] += value }
                model.backward(logits, tokens: ids, places, pass, reach: reach)
            }
            return results
        }
    }

    /// Learns, in a second view of texts with a class, what makes it agree with the first, and leaves the first to be passed
    /// again.
    ///
    /// - Parameter logits: of the first view.
    /// - Returns: what agreement adds to the gradient of these.
    private static func agree(
        _ model: TaskModel, _ batch: TaskBatch, _ texts: Range<Int>, _ logits: Matrix,
        _ ids: UnsafeBufferPointer<Int32>, _ places: TaskPlaces, _ view: LanePass, total: Double, _ reach: GradientReach
    ) -> [Float] {
        let count = logits.rows * logits.columns
        let first = (0..<count).map { logits.base[$0] }
        let second = model.forward(ids, places, view)
        var ofFirst = [Float](repeating: 0, count: count)
        for text in texts {
            let start = (batch.placeOffsets[text] - places.first) * model.outputCount
            let size = (batch.placeOffsets[text + 1] - batch.placeOffsets[text]) * model.outputCount
            let row = second.base + start
            guard case .label = batch.targets[text] else {
                row.update(repeating: 0, count: size)
                continue
            }
            let gradients = TaskLoss.disagreement(
                Array(first[start..<start + size]), (0..<size).map { row[$0] }, weight: batch.weights[text] / total)
            for index in 0..<size {
                ofFirst[start + index] = gradients.first[index]
                row[index] = gradients.second[index]
            }
        }
        model.backward(second, tokens: ids, places, view, reach: reach)
        return ofFirst
    }
}
