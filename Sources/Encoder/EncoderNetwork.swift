import Kernels
import Parametrization

/// A transformer encoder: embeddings, layers, and a final norm where the last layer needs one.
///
/// A value of this type holds no numbers, only where its parameters and activations are; any number of workers can carry
/// their own chunk through it at once.
public struct EncoderNetwork: Sendable {
    public let shape: NetworkShape
    private let kind: NetworkKind
    private let networkIndex: Int
    private let patterns: NetworkPatterns
    private let recomputation: ActivationRecomputation
    let embedding: Embedding
    /// With a mask decoder, the last layer stands here twice.
    let layers: [EncoderLayer]
    private let finalNorm: Norm?
    private let relativeBias: RelativeBias?
    private let relativeEmbeddings: RelativeEmbeddings?
    private let maskDecoder: MaskDecoder?
    private let normalized: ActivationSlot?

    /// What layers need to know while the network is put together.
    struct BuildContext {
        var parameters: ParameterBuilder
        var plan: ActivationPlan
        let model: ModelConfiguration
        let shape: NetworkShape
        let networkIndex: Int
        let attentionScale: Double
        /// Whether the embedding size grows with the model.
        let embeddingGrows: Bool
        let patterns: NetworkPatterns
        let recomputation: ActivationRecomputation
        /// Where the layer at hand keeps its output, if apart from what is computed again.
        var layerOutput: ActivationSlot?
        /// The bias that all layers share.
        var relativeBias: RelativeBias?
        /// The table of relative positions that they share in disentangled attention.
        var relativeEmbeddings: RelativeEmbeddings?
        /// Where the layer at hand finds the states of its keys and values, if apart from its input.
        var keyValueSource: MaskDecoder.Source?
        /// Most tokens of a chunk.
        let tokens: Int
        let longestSegment: Int
        let workspace: Workspace
        /// Behind every feed-forward sublayer; nil: none.
        let adapters: AdapterConfiguration?

        /// Whether a layer keeps its attention probabilities: of short segments that see all of themselves. With 512 tokens
        /// they make half as many activations again, and the backward pass of attention a quarter faster.
        func keepsProbabilities(_ pattern: Int) -> Bool {
            patterns.distinct[pattern].kind == .full && longestSegment <= 512 && recomputation == .none
                && plan.sliceTokens == nil
        }

        /// A bias, unless the model is to have none.
        mutating func bias(_ name: String, _ count: Int, isBranchOutput: Bool = false) -> OptionalBias {
            OptionalBias(
                model.biases ? parameters.bias(name, count, isBranchOutput: isBranchOutput) : nil, count: count, &plan)
        }

        /// A norm of the model's kind.
        mutating func norm(_ name: String, _ width: Int, scale: Double = 1) -> Norm {
            Norm(parameters.norm(name, width), &plan, model.normalization, scale: scale, tokens: tokens)
        }
    }

    /// Declares the network's parameters under its name and plans its activations.
    ///
    /// - Parameters:
    ///   - network: `.generator` or `.discriminator`.
    ///   - tokens, longestSegment: limits of a chunk.
    ///   - recomputation: what the backward pass computes again.
    ///   - dropoutNetwork: whose dropout decisions it takes, where the same parameters are passed a second time with other
    ///     decisions; nil: its own, 0 for the generator and 1 for the discriminator.
    ///   - adapters: behind the feed-forward sublayers, with parameters of the task; not with recomputation.
    ///   - used: layers from the embeddings up that there are to be, each as it is among all; nil: all.
    public init(
        _ network: NetworkKind, _ builder: inout ParameterBuilder, _ plan: inout ActivationPlan,
        model: ModelConfiguration, parametrization: ParametrizationConfiguration, shared: SharedEmbeddings,
        tokens: Int, longestSegment: Int, recomputation: ActivationRecomputation = .none, dropoutNetwork: Int? = nil,
        layers used: Int? = nil, adapters: AdapterConfiguration? = nil
    ) {
        let model = model.of(network)
        let shape = network == .generator ? model.generatorShape : model.discriminatorShape
        self.shape = shape
        kind = network
        networkIndex = dropoutNetwork ?? (network == .generator ? 0 : 1)
        builder.prefix = "\(network.rawValue)."
        builder.widthRatio = network.widthRatio(model, parametrization)
        builder.depthRatio = network.depthRatio(model, parametrization)
        // The same graph in every pass, whatever is dropped out.
        patterns = NetworkPatterns(
            model, shape, networkIndex: network == .generator ? 0 : 1, longestSegment: longestSegment)
        let workspace = Workspace(
            &plan, model, shape, patterns, recomputation: recomputation, tokens: tokens, longestSegment: longestSegment)
        var context = BuildContext(
            parameters: builder, plan: plan, model: model, shape: shape, networkIndex: networkIndex,
            attentionScale: network.attentionScale(model, parametrization),
            embeddingGrows: shared.widthRatio != 1
                || parametrization.baseEmbeddingSize == nil && model.embeddingSize == model.hiddenSize,
            patterns: patterns,
            recomputation: recomputation, tokens: tokens, longestSegment: longestSegment, workspace: workspace,
            adapters: adapters)
        embedding = Embedding(&context, shared: shared)
        context.parameters.isWithinBranch = true
        if model.relativeBias.sharing == .shared {
            context.relativeBias = RelativeBias(&context, name: "relative_bias")
        }
        relativeBias = context.relativeBias
        if model.attention.disentangled { context.relativeEmbeddings = RelativeEmbeddings(&context) }
        relativeEmbeddings = context.relativeEmbeddings
        maskDecoder = network == .generator && model.generator.maskDecoder ? MaskDecoder(&context) : nil
        layers = Self.layers(&context, maskDecoder, used: used)
        context.parameters.isWithinBranch = false
        self.recomputation = recomputation
        if model.normalization.needsFinalNorm(layerCount: shape.layerCount, used: used) {
            finalNorm = context.norm("final_norm", shape.hiddenSize)
            normalized = context.plan.reserve(tokens * shape.hiddenSize)
        } else {
            finalNorm = nil
            normalized = nil
        }
        builder = context.parameters
        plan = context.plan
    }

    private static func layers(
        _ context: inout BuildContext, _ maskDecoder: MaskDecoder?, used: Int?
    ) -> [EncoderLayer] {
        let count = used ?? context.shape.layerCount + (maskDecoder == nil ? 0 : 1)
        var beforeLast = context.parameters
        /// A mask decoder's second time has the parameters of the first, and other activations.
        func layer(_ index: Int) -> EncoderLayer {
            guard let maskDecoder, index >= maskDecoder.firstLayer else { return EncoderLayer(&context, index: index) }
            context.keyValueSource = maskDecoder.source
            if index == maskDecoder.firstLayer {
                beforeLast = context.parameters
                return EncoderLayer(&context, index: index)
            }
            let now = context.parameters
            context.parameters = beforeLast
            defer { context.parameters = now }
            return EncoderLayer(&context, index: maskDecoder.firstLayer, dropoutLayer: index)
        }
        guard context.recomputation == .layer else { return (0..<count).map(layer) }
        // Layers keep their outputs, and use the same memory for everything else.
        let outputs = (0..<count).map { _ in context.plan.reserve(context.tokens * context.shape.hiddenSize) }
        let start = context.plan.mark
        var ends: [ActivationPlan.Mark] = []
        let layers = outputs.enumerated().map { index, output in
            context.plan.rewind(to: start)
            context.layerOutput = output
            let layer = layer(index)
            ends.append(context.plan.mark)
            return layer
        }
        context.plan.skip(ends)
        return layers
    }

    /// Layers that it has, which may be fewer than its shape's.
    public var layerCount: Int { layers.count }

    /// - Parameter tokens: `[n]` ids of the pass's chunk.
    /// - Returns: hidden states `[n, hidden]`, valid until the next forward pass of the same worker.
    public func forward(_ tokens: UnsafeBufferPointer<Int32>, _ pass: LanePass) -> Matrix {
        Profile.phase(kind == .generator ? "generator, forward" : "discriminator, forward") {
            forward(tokens, pass, observer: nil)
        }
    }

    /// - Parameter observer: shown what every module puts out.
    func forward(_ tokens: UnsafeBufferPointer<Int32>, _ pass: LanePass, observer: ModuleObserver?) -> Matrix {
        pass.attention.set(patterns.blocks(pass, tokens: tokens), network: networkIndex)
        relativeBias?.prepare(pass)
        relativeEmbeddings?.prepare(pass)
        let ids = TokenIDs(tokens)
        pass.forEachSlice { _ = embedding.forward($0.part(ids.tokens), $0) }
        var x = embedding.result(pass)
        observer?("embeddings", x)
        // A second view of the text is not what the analysis is about.
        let layerObserver = networkIndex == (kind == .generator ? 0 : 1) ? pass.inspection?.observer : nil
        var states = layerObserver == nil ? [] : [x.copied()]
        for (index, layer) in layers.enumerated() {
            if pass.isCut { return x }
            // The layer that is there twice goes twice: without its first visit nothing is there that the second one reads.
            let place = min(index, maskDecoder?.firstLayer ?? index)
            if pass.inspection?.removes(place, of: kind) ?? false { continue }
            if let maskDecoder, index == maskDecoder.firstLayer { x = maskDecoder.forward(x, pass) }
            if let observer {
                x = layer.forward(x, pass, name: "layers.\(index)", observer: observer)
            } else {
                x = layer.forward(x, pass)
            }
            if layerObserver != nil { states.append(x.copied()) }
        }
        withExtendedLifetime(states) {
            layerObserver?.record(
                states.map { Matrix($0.base, rows: x.rows, columns: x.columns) }, of: kind, pass.chunk)
        }
        guard let finalNorm, let normalized else { return x }
        let output = normalized.matrix(pass, rows: pass.rows, columns: shape.hiddenSize)
        let last = x
        pass.forEachSlice { finalNorm.forward($0.rows(of: last), into: $0.rows(of: output), $0) }
        observer?("final_norm", output)
        return output
    }

    /// What a layer read in the last forward pass, computed again if it was not kept.
    private func input(ofLayer index: Int, _ pass: LanePass) -> Matrix {
        if let maskDecoder, index == maskDecoder.firstLayer { return maskDecoder.queries(pass) }
        return index > 0 ? layers[index - 1].restoredResult(pass) : embedding.result(pass)
    }

    /// Adds to the gradients of all parameters.
    ///
    /// - Parameters:
    ///   - gradient: of the hidden states, `[n, hidden]`; overwritten.
    ///   - tokens: as in the forward pass.
    ///   - frozenLayers: lower layers above which the pass ends, so that these, the embeddings and the tables of relative
    ///     positions in disentangled attention get no gradients. A bias of scores that all layers share still gets that of
    ///     the upper ones, which is not its whole gradient.
    ///   - reachesEmbeddings: whether these get gradients where no layer is frozen.
    public func backward(
        _ gradient: Matrix, tokens: UnsafeBufferPointer<Int32>, _ pass: LanePass, frozenLayers: Int = 0,
        reachesEmbeddings: Bool = true
    ) {
        Profile.phase(kind == .generator ? "generator, backward" : "discriminator, backward") {
            if let finalNorm {
                let last = layers[layers.count - 1].result(pass)
                pass.forEachSlice {
                    finalNorm.backward(
                        upstream: $0.rows(of: gradient), x: $0.rows(of: last), into: $0.rows(of: gradient),
                        accumulate: false, $0)
                }
            }
            relativeEmbeddings?.beginBackward(pass)
            maskDecoder?.beginBackward(pass)
            for index in layers.indices.reversed() where index >= frozenLayers {
                if pass.isCut { return }
                let input = input(ofLayer: index, pass)
                // The last layer's activations are still there.
                if recomputation == .layer, index < layers.count - 1 { _ = layers[index].forward(input, pass) }
                layers[index].backward(gradient, x: input, pass)
                if let maskDecoder, index == maskDecoder.firstLayer { maskDecoder.backward(gradient, pass) }
                // With a mask decoder the last layer stands in the list twice, and its first place comes last.
                if index <= maskDecoder?.firstLayer ?? index { pass.didFinishLayer?(kind, index) }
            }
            if frozenLayers > 0 || !reachesEmbeddings { return }
            relativeEmbeddings?.endBackward(pass)
            let ids = TokenIDs(tokens)
            pass.forEachSlice { embedding.backward($0.rows(of: gradient), tokens: $0.part(ids.tokens), $0) }
        }
    }
}

/// Ids that tasks of one parallel region read.
private struct TokenIDs: @unchecked Sendable {
    let tokens: UnsafeBufferPointer<Int32>

    init(_ tokens: UnsafeBufferPointer<Int32>) { self.tokens = tokens }
}

/// The two networks of replaced-token detection.
public enum NetworkKind: String, Sendable, CaseIterable {
    case generator
    case discriminator

    /// The network's width relative to its base.
    public func widthRatio(_ model: ModelConfiguration, _ parametrization: ParametrizationConfiguration) -> Double {
        switch self {
        case .generator:
            parametrization.generatorWidthRatio(
                hiddenSize: model.generatorShape.hiddenSize, discriminatorHiddenSize: model.hiddenSize)
        case .discriminator: parametrization.discriminatorWidthRatio(hiddenSize: model.hiddenSize)
        }
    }

    /// The network's depth relative to its base.
    public func depthRatio(_ model: ModelConfiguration, _ parametrization: ParametrizationConfiguration) -> Double {
        switch self {
        case .generator:
            parametrization.generatorDepthRatio(
                layerCount: model.generatorShape.layerCount, discriminatorLayerCount: model.layerCount)
        case .discriminator: parametrization.discriminatorDepthRatio(layerCount: model.layerCount)
        }
    }

    /// Factor of the network's attention scores.
    public func attentionScale(_ model: ModelConfiguration, _ parametrization: ParametrizationConfiguration) -> Double {
        let scale =
            switch self {
            case .generator: parametrization.generatorAttentionScale(headSize: model.generatorShape.headSize)
            case .discriminator: parametrization.attentionScale(headSize: model.discriminatorShape.headSize)
            }
        // Scores of disentangled attention are sums of three products: 1/√(3d) instead of 1/√d (DeBERTa).
        return scale / (model.attention.disentangled ? 3.squareRoot() : 1)
    }
}
