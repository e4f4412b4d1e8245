import Encoder
import Kernels
import Parametrization
import TestSupport

/// The engine's networks beside the reference: the same parameters, segments and dropout decisions.
struct FastParameters {
    let layout: ParameterLayout
    let weights: FloatBuffer
    let gradients: FloatBuffer

    /// Draws weights of visible size: gains near 1, small biases, matrices that keep the scale of what they multiply.
    init(_ layout: ParameterLayout, seed: UInt64) {
        self.layout = layout
        weights = FloatBuffer(count: layout.bufferCount)
        gradients = FloatBuffer(count: layout.bufferCount)
        var random = SplitMix64(seed: seed)
        for spec in layout.specs {
            let deviation = spec.shape.count > 1 ? 1 / Double(spec.shape[1]).squareRoot() : 0.3
            for index in 0..<spec.count {
                weights.base[spec.offset + index] = Float(
                    (spec.name.hasSuffix("gain") ? 1 : 0) + deviation * random.normal())
            }
        }
    }

    /// The weights as the reference's parameters.
    func reference(where isIncluded: (String) -> Bool = { _ in true }) throws -> Reference.Parameters {
        let parameters = Reference.Parameters()
        for spec in layout.specs where isIncluded(spec.name) {
            // The engine keeps a table of two segment types and uses type 0, like the reference.
            try parameters.add(spec.name, shape: spec.shape, values: values(of: spec, in: weights))
        }
        return parameters
    }

    func namedGradients(where isIncluded: (String) -> Bool = { _ in true }) -> [String: [Float]] {
        Dictionary(
            uniqueKeysWithValues: layout.specs.filter { isIncluded($0.name) }.map {
                ($0.name, values(of: $0, in: gradients))
            })
    }

    private func values(of spec: ParameterSpec, in buffer: FloatBuffer) -> [Float] {
        (0..<spec.count).map { buffer.base[spec.offset + $0] }
    }
}

extension Reference.EncoderConfiguration {
    /// The reference of one of the engine's networks.
    init(_ model: ModelConfiguration, _ network: NetworkKind, vocabularySize: Int, attentionScale: Double) {
        let shape = network == .generator ? model.generatorShape : model.discriminatorShape
        self.init(
            vocabularySize: vocabularySize, embeddingSize: model.embeddingSize, hiddenSize: shape.hiddenSize,
            feedForwardSize: shape.intermediateSize, layers: shape.layerCount, heads: shape.headCount)
        positions =
            switch model.positions {
            case .rotary: .rotary(base: model.rotaryBase)
            case .learned: .learned(maximum: model.maximumPositions)
            case .none: .none
            }
        placement =
            switch model.normalization.placement {
            case .post: .post
            case .pre: .pre
            case .mix: .mix(alpha: model.normalization.alpha)
            case .peri: .peri
            case .scaled: .scaled
            }
        normalizesFirstAttention = model.normalization.beforeFirstAttention
        norm = model.normalization.kind == .rmsNorm ? .rmsNorm : .layerNorm
        normalizesQueriesAndKeys = model.attention.queryKeyNorm
        feedForward =
            switch model.feedForward {
            case .gelu: .gelu
            case .squaredReLU: .squaredReLU
            case .geglu: .geglu
            }
        hasBiases = model.biases
        if model.relativeBias.sharing != .none {
            relativeBias = .init(
                bins: model.relativeBias.bins, maximumDistance: model.relativeBias.maximumDistance,
                isPerLayer: model.relativeBias.sharing == .perLayer, isCOCO: model.relativeBias.binning == .cocoLM)
        }
        normEpsilon = model.normalization.epsilon
        self.attentionScale = attentionScale
        if network == .generator, model.generator.maskDecoder { maskDecoderPositions = model.maximumPositions }
        if model.attention.disentangled {
            relativePositions = .init(
                buckets: model.attention.positionBuckets, maximumDistance: model.attention.maximumRelativeDistance)
            self.attentionScale = attentionScale / 3.squareRoot()
        }
    }
}

extension Reference.EncoderDropout {
    /// The engine's dropout decisions of one network, as masks for the reference.
    ///
    /// - Parameter firstRow: index within the batch of the first token.
    init(
        _ model: ModelConfiguration, _ network: NetworkKind, _ stream: DropoutStream, segments: [Int], firstRow: Int = 0
    ) {
        let shape = network == .generator ? model.generatorShape : model.discriminatorShape
        let index = network == .generator ? 0 : 1
        func decisions(_ layer: Int, _ site: DropoutSite.Site, head: Int = 0, _ probability: Double) -> DropoutStream {
            let site = DropoutSite(network: index, layer: layer, site: site, probability: probability)
            return stream.stream(site.stream + UInt32(head), probability: probability)
        }
        func mask(_ layer: Int, _ site: DropoutSite.Site, firstRow: Int = firstRow) -> Reference.DropoutMask? {
            guard model.dropout > 0 else { return nil }
            let decided = decisions(layer, site, model.dropout)
            return Reference.DropoutMask(probability: model.dropout) { row, column in
                decided.factor(row: UInt32(firstRow + row), column: column) > 0
            }
        }
        self.init()
        embeddings = mask(-1, .embeddings)
        // A mask decoder's second time comes after the last layer.
        layers = (0..<shape.layerCount + 1).map { layer in
            var probabilities: Reference.AttentionDropoutMask?
            if model.attentionDropout > 0 {
                let heads = (0..<shape.headCount).map {
                    decisions(layer, .attentionProbabilities, head: $0, model.attentionDropout)
                }
                probabilities = Reference.AttentionDropoutMask(probability: model.attentionDropout) {
                    head, query, key in
                    let start = segments.last { $0 <= key }!
                    return heads[head].factor(row: UInt32(firstRow + query), column: key - start) > 0
                }
            }
            return OfLayer(
                attentionProbabilities: probabilities, attentionOutput: mask(layer, .attentionOutput),
                feedForwardOutput: mask(layer, .feedForwardOutput),
                relativePositions: mask(layer, .relativePositions, firstRow: 0))
        }
    }
}
