import Encoder
import Foundation
import Kernels
import Machine
import Objectives
import Optimization

/// What a configuration costs: parameters, floating-point operations and memory, from its shapes alone.
public struct ModelCost: Sendable, Equatable {
    /// Weights and biases of both networks; shared tables count once.
    public var parameters: Int
    public var generatorParameters: Int
    public var discriminatorParameters: Int
    public var sharedParameters: Int
    /// Forward and backward passes, per token of full sequences, two for a multiply-add; recomputation is not counted.
    public var flopsPerToken: Double
    /// Operations of the optimizer in a step, where they are many.
    public var optimizerFlops: Double
    /// Weights, the optimizer's state, and the gradients of the lanes that are in memory at a time.
    public var stateBytes: Int
    /// Activations of all workers.
    public var activationBytes: Int
    /// Workers that run at the same time.
    public var threads: Int
    /// Weights rounded for products, and what these round as they go.
    public var roundedBytes: Int
    /// Tokens of a step and what is kept for each of them.
    public var batchBytes: Int
    /// What is on its way between ranks, and what replicas keep of where they last met.
    public var exchangeBytes: Int
    /// The copy of weights and moments from which a checkpoint is written while training goes on.
    public var checkpointBytes: Int

    /// - Parameters:
    ///   - threads: workers that run at the same time.
    ///   - ranks: that carry the batches together. Memory is the first one's, which has all moments when a checkpoint is due; others
    ///     keep their share.
    public init(
        _ configuration: EngineConfiguration, model: ReplacedTokenModel, threads: Int, ranks: Int = 1
    ) {
        let layout = model.layout
        self.threads = threads
        func count(_ prefix: String) -> Int {
            layout.specs.filter { $0.name.hasPrefix(prefix) }.reduce(0) { $0 + $1.count }
        }
        parameters = layout.parameterCount
        generatorParameters = count("generator.")
        discriminatorParameters = count("discriminator.")
        sharedParameters = count("embeddings.")
        let length = configuration.sequenceLength
        flopsPerToken = Self.flopsPerToken(
            configuration, vocabularySize: model.vocabularySize,
            attendedTokens: configuration.model.meanAttendedTokens(segments: [length]))
        let gradients =
            model.limits.sliceTokens == nil
            ? LaneGradients.bufferLimit(laneCount: configuration.laneCount, threadCount: threads)
            : configuration.laneCount
        let kind = configuration.optimizer.kind
        let buffers = 1 + kind.state.count
        let isGeneratorFrozen = configuration.objective.replacements == .frozen
        let optimizer = kind.cost(layout, precision: configuration.precision) {
            isGeneratorFrozen && $0.hasPrefix("generator.")
        }
        optimizerFlops = optimizer.flops
        // Where networks take turns, the generator's part is kept until the step is done.
        let kept = configuration.optimizer.generatorFirst ? layout.secondGroupStart ?? 0 : 0
        checkpointBytes = Self.bytes(4, layout.bufferCount, buffers)
        stateBytes = Self.sum(
            Self.bytes(4, layout.bufferCount, buffers + gradients), Self.bytes(4, kept, buffers),
            Self.bytes(4, optimizer.floats, threads))
        let tables = [configuration.model.generatorShape, configuration.model.discriminatorShape].map {
            Self.rotaryBytes(configuration.model, $0, length: length)
        }
        // What attention of divided sequences leaves behind, of full sequences of one document.
        let unitBytes =
            model.limits.sliceTokens.map {
                Self.bytes(
                    4,
                    configuration.model.unitFloats(
                        tokens: length, sliceTokens: $0, laneCount: configuration.laneCount,
                        hasGenerator: configuration.objective.hasGenerator))
            } ?? 0
        activationBytes = Self.sum(
            model.limits.sliceTokens == nil
                ? Self.bytes(4, model.activationCount, threads)
                : Self.sum(Self.bytes(4, model.activationCount), Self.bytes(4, model.scratchCount, threads)),
            Self.sum(tables[0], tables[1]), unitBytes)
        let limits = model.limits
        roundedBytes = Self.roundedBytes(
            layout, configuration.precision, threads: threads,
            rows: min(limits.tokens, limits.sliceTokens ?? limits.tokens),
            languageRows: max(ReplacedTokenModel.languageRows, limits.maskedTokens))
        batchBytes = Self.bytes(Self.bytesPerBatchToken, configuration.sequencesPerStep, length)
        // Replicas: the outer step's average, the weights of the last meeting, and what comes in.
        let messages =
            configuration.replica != nil
            ? Self.bytes(4, layout.bufferCount, 3) : Self.messageBytes(configuration, layout.bufferCount, ranks: ranks)
        // Rounding keeps the weights from before a step.
        exchangeBytes = Self.sum(
            messages, configuration.communication == .bfloat16 ? Self.bytes(4, layout.bufferCount) : 0)
    }

    /// Of gradients that go out and come in, a sum for each block of lanes that ranks sum by themselves, and of weights. That
    /// of the rank that has most.
    private static func messageBytes(_ configuration: EngineConfiguration, _ numbers: Int, ranks: Int) -> Int {
        guard ranks > 1 else { return 0 }
        let tree = LaneTree(laneCount: configuration.laneCount)
        let blocks = (0..<ranks).map {
            tree.blocks(.share($0, of: ranks, count: configuration.laneCount)).count
        }
        let own = (numbers + ranks - 1) / ranks
        let gradients = blocks.map { mine in
            sum(bytes(numbers - own, mine), bytes(own, blocks.reduce(0, +) - mine))
        }
        let isRounded = configuration.communication == .bfloat16
        return sum(bytes(isRounded ? 2 : 4, gradients.max() ?? 0), bytes(4, numbers))
    }

    public var memoryBytes: Int {
        Self.sum(stateBytes, activationBytes, roundedBytes, batchBytes, exchangeBytes, checkpointBytes)
    }

    /// What products in bfloat16 need besides: the weights in that form, or where the processor has no such products the largest
    /// one of each thread; and of each thread the largest other operand.
    ///
    /// - Parameters:
    ///   - rows: tokens that a product takes at most.
    ///   - languageRows: of those that are multiplied by a table of words; nil: all.
    package static func roundedBytes(
        _ layout: ParameterLayout, _ precision: ProductPrecision, threads: Int, rows: Int, languageRows: Int? = nil
    ) -> Int {
        guard precision == .bfloat16 else { return 0 }
        let tables = Set(layout.specs.filter(\.isEmbeddingTable).map(\.offset) + layout.derived.map(\.slot.offset))
        let operand =
            layout.products.map { slot in
                bytes(
                    tables.contains(slot.offset) ? min(rows, languageRows ?? rows) : rows, max(slot.rows, slot.columns))
            }.max() ?? 0
        let weight = layout.products.map { $0.rows * $0.columns }.max() ?? 0
        return sum(
            precision.keepsWeights ? bytes(4, RoundedWeights.floatCount(layout)) : bytes(4, threads, weight),
            bytes(4, threads, operand))
    }

    /// Token ids, offsets, masking and losses of the batch at hand, and the ids of those that wait in the loader.
    private static let bytesPerBatchToken = 64

    /// Cosines and sines of a network's rotary positions, of one base or two.
    package static func rotaryBytes(_ model: ModelConfiguration, _ shape: NetworkShape, length: Int) -> Int {
        guard model.positions == .rotary else { return 0 }
        return bytes(4, length, shape.headSize, model.attention.localRotaryBase == nil ? 1 : 2)
    }

    /// Settings are bounded one by one, so their products may not fit: the largest number stands for all beyond it.
    package static func bytes(_ factors: Int...) -> Int {
        factors.reduce(1) { $0.multipliedSaturated(by: $1) }
    }

    package static func sum(_ terms: Int...) -> Int {
        terms.reduce(0) { $0.addingSaturated($1) }
    }

    /// Refuses what cannot work before memory is asked for.
    ///
    /// - Parameters:
    ///   - isBeginning: whether weights, moments and threads are still to come; a later stage of a run has them.
    ///   - writesCheckpoints: whether a copy of weights and moments is to come too.
    /// - Throws: `MemoryShortage`.
    package func checkMemory(
        _ limits: MachineLimits = MachineLimits(), isBeginning: Bool = true, writesCheckpoints: Bool = true
    ) throws {
        let spared = writesCheckpoints ? 0 : checkpointBytes
        try limits.check(
            "the run", bytes: memoryBytes - spared,
            // What is mapped already is in what is left to be mapped no more: weights and moments, which stay from stage to
            // stage, and their copy.
            reserved: (isBeginning
                ? Kernels.reservedBytes(threads: threads) : -Self.sum(checkpointBytes, checkpointBytes))
                + Self.aroundBytes,
            advice: "choose a smaller model, or lower training.lanes, training.chunk_tokens, training.batch_size or "
                + "--threads")
    }

    /// How many of several runs there is memory for at a time.
    ///
    /// - Parameters:
    ///   - costs: of all of them.
    ///   - jobs: how many are wanted.
    /// - Returns: at least one, which refuses by itself where it does not fit.
    public static func jobs(
        thatFit costs: [ModelCost], of jobs: Int, _ limits: MachineLimits = MachineLimits()
    ) -> Int {
        var (fitting, resident, mapped) = (0, 0, 0)
        for cost in costs.sorted(by: { $0.memoryBytes > $1.memoryBytes }).prefix(jobs) {
            resident = sum(resident, cost.memoryBytes)
            mapped = sum(mapped, cost.memoryBytes, Kernels.reservedBytes(threads: cost.threads), aroundBytes)
            if resident > limits.resident.bytes || limits.mappable.map({ mapped > $0.bytes }) == true { break }
            fitting += 1
        }
        return costs.count <= fitting ? jobs : max(1, fitting)
    }

    /// Address space of what is beside the engine: the corpus's windows, allocators of the threads.
    private static let aroundBytes = 256 << 20

    /// Floating-point operations of a training step per token.
    ///
    /// - Parameter attendedTokens: mean number of keys that a query sees.
    public static func flopsPerToken(
        _ configuration: EngineConfiguration, vocabularySize: Int, attendedTokens: Double
    ) -> Double {
        let model = configuration.model
        let embedding = Double(model.embeddingSize)
        func encoder(_ shape: NetworkShape, layers: Int? = nil) -> Double {
            let layers = layers ?? shape.layerCount
            let hidden = Double(shape.hiddenSize)
            let projection = model.embeddingSize == shape.hiddenSize ? 0 : embedding * hidden
            let feedForward = (model.feedForward.isGated ? 3 : 2) * hidden * Double(shape.intermediateSize)
            // Relative positions take part in as many scores again, in either direction.
            let scores = model.attention.disentangled ? 3.0 : 1
            let layer = 4 * hidden * hidden + feedForward + (scores + 1) * attendedTokens * hidden
            return projection + Double(layers) * layer
        }
        let objective = configuration.objective
        let vocabulary = Double(vocabularySize)
        let hidden = Double(model.hiddenSize)
        let masked = objective.meanMaskFraction
        let generatorSize = Double(model.generatorShape.hiddenSize)
        let generatorForward =
            encoder(
                model.generatorShape,
                layers: model.generatorShape.layerCount + (model.generator.maskDecoder ? 1 : 0))
            + masked * (generatorSize * embedding + embedding * vocabulary)
        var multiplyAdds = encoder(model.discriminatorShape)
        if objective.trainsGenerator { multiplyAdds += generatorForward }
        if objective.name.detects || objective.name.isGated {
            multiplyAdds += hidden + (model.detectionHead == .linear ? 0 : hidden * hidden)
        }
        let predicted = objective.predictedTokens == .all ? 1 : masked
        switch objective.name.prediction {
        case .none: break
        case .simplified: multiplyAdds += predicted * hidden * vocabulary
        case .transformed: multiplyAdds += predicted * (hidden * embedding + embedding * vocabulary)
        }
        if objective.contrast > 0 { multiplyAdds += objective.contrastiveCrop * encoder(model.discriminatorShape) }
        // A frozen generator has no backward pass; where its samples were kept, not even that.
        // One that samples without its dropout has another forward pass for that.
        let own = model.of(.generator)
        let samplesApart = objective.samplesWithoutDropout && (own.dropout > 0 || own.attentionDropout > 0)
        let forwardAlone =
            objective.hasGenerator && (!objective.trainsGenerator || samplesApart) ? generatorForward : 0
        // The backward pass multiplies twice for every product of the forward pass.
        return 3 * 2 * multiplyAdds + 2 * forwardAlone
    }
}
