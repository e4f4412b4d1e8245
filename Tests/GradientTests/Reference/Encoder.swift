extension Reference {
    /// Embeddings, the projection `E → H` where they differ, the layers, and a final norm if the last layer is Pre-LN.
    struct Encoder {
        private var embedding: TokenEmbedding
        private var projection: Linear?
        /// Attention and feed-forward sublayers of each layer.
        private var layers: [(attention: any Layer, feedForward: any Layer)] = []
        private var finalNorm: (any Layer)?
        private var relative: RelativePositions?
        private var decoder: (first: Int, positions: TableLookup, source: KeyValueSource)?
        private let positions: [Int]

        /// The input of each layer and the output of the last one, before the final norm: `layers + 1` matrices.
        private(set) var states: [Matrix] = []
        /// The gradients of `states`.
        private(set) var stateGradients: [Matrix] = []

        /// - Parameters:
        ///   - prefix: comes before the names of all but the embeddings: `generator.`, `discriminator.`.
        ///   - embeddings, word: names of the embeddings, and of the word table if that is another.
        ///   - isVisible: which key a query sees; all of its segment unless given.
        init(
            _ configuration: EncoderConfiguration, prefix: String, embeddings: String = "embeddings",
            word: String? = nil, segments: Segments,
            isVisible: Segments.Visibility? = nil, dropout: EncoderDropout = .none, _ parameters: Parameters
        ) throws {
            let width = configuration.hiddenSize
            positions = segments.positions
            embedding = try TokenEmbedding(
                configuration, name: embeddings, word: word, segments: segments, dropout: dropout.embeddings, parameters
            )
            if configuration.embeddingSize != width {
                projection = try Linear(
                    "\(prefix)projection", inputs: configuration.embeddingSize, outputs: width,
                    hasBias: configuration.hasBiases, parameters)
            }
            let shared = try configuration.relativeBias.flatMap {
                $0.isPerLayer
                    ? nil : try RelativeBias("\(prefix)relative_bias", $0, heads: configuration.heads, parameters)
            }
            relative = try configuration.relativePositions.map {
                try RelativePositions(prefix, $0, configuration, parameters)
            }
            if let rows = configuration.maskDecoderPositions {
                decoder = (
                    configuration.layers - 1,
                    try TableLookup("\(prefix)mask_decoder.position", rows: rows, width: width, parameters),
                    KeyValueSource()
                )
            }
            for time in 0..<configuration.layers + (decoder == nil ? 0 : 1) {
                let index = min(time, configuration.layers - 1)
                let name = "\(prefix)layers.\(index)"
                let masks = dropout.layer(time)
                let own = try configuration.relativeBias.flatMap {
                    $0.isPerLayer
                        ? try RelativeBias(
                            "\(name).attention.relative_bias", $0, heads: configuration.heads, parameters) : nil
                }
                let attention = try Self.attention(
                    "\(name).attention", configuration, segments, isVisible, own ?? shared,
                    (relative, masks.relativePositions), time >= decoder?.first ?? time + 1 ? decoder?.source : nil,
                    masks.attentionProbabilities, parameters)
                let feedForward = try FeedForward(
                    "\(name).feed_forward", width: width, innerWidth: configuration.feedForwardSize,
                    kind: configuration.feedForward, hasBiases: configuration.hasBiases, parameters)
                let sublayer = { (name: String, function: any Layer, mask: DropoutMask?) throws -> any Layer in
                    let dropout = Dropout(mask: mask)
                    if name.hasSuffix("layers.0.attention"), !configuration.normalizesFirstAttention {
                        return BareResidual(function: function, dropout: dropout)
                    }
                    let norm = try configuration.makeNorm("\(name).norm", width: width, parameters)
                    switch configuration.placement.form(layer: index, of: configuration.layers) {
                    case .post: return PostNormResidual(function: function, norm: norm, dropout: dropout)
                    case .pre:
                        let norm = Scaled(norm, by: configuration.placement.scale(layer: index))
                        return PreNormResidual(function: function, norm: norm, dropout: dropout)
                    case .peri:
                        let outputNorm = try configuration.makeNorm("\(name).output_norm", width: width, parameters)
                        return PeriNormResidual(
                            function: function, norm: norm, outputNorm: outputNorm, dropout: dropout)
                    }
                }
                layers.append(
                    (
                        try sublayer("\(name).attention", attention, masks.attentionOutput),
                        try sublayer("\(name).feed_forward", feedForward, masks.feedForwardOutput)
                    ))
            }
            if !configuration.placement.isPost(layer: configuration.layers - 1, of: configuration.layers) {
                finalNorm = try configuration.makeNorm("\(prefix)final_norm", width: width, parameters)
            }
        }

        /// Hidden states `[n, H]` of flat tokens.
        mutating func forward(_ tokens: [Int]) -> Matrix {
            var hidden = embedding.forward(tokens)
            if let projected = projection?.forward(hidden) { hidden = projected }
            states = [hidden]
            relative?.forward()
            for index in layers.indices {
                if var decoder, index == decoder.first {
                    decoder.source.states = hidden
                    decoder.source.gradient = Matrix(like: hidden)
                    hidden = hidden + decoder.positions.forward(positions)
                    self.decoder = decoder
                }
                hidden = layers[index].feedForward.forward(layers[index].attention.forward(hidden))
                states.append(hidden)
            }
            return finalNorm?.forward(hidden) ?? hidden
        }

        mutating func backward(upstream: Matrix) {
            var gradient = finalNorm?.backward(upstream: upstream) ?? upstream
            stateGradients = [gradient]
            for index in layers.indices.reversed() {
                gradient = layers[index].feedForward.backward(upstream: gradient)
                gradient = layers[index].attention.backward(upstream: gradient)
                if let decoder, index == decoder.first {
                    decoder.positions.backward(upstream: gradient)
                    gradient = gradient + decoder.source.gradient
                }
                stateGradients.insert(gradient, at: 0)
            }
            relative?.backward()
            embedding.backward(upstream: projection?.backward(upstream: gradient) ?? gradient)
        }

        private static func attention(
            _ name: String, _ configuration: EncoderConfiguration, _ segments: Segments,
            _ isVisible: Segments.Visibility?, _ relativeBias: RelativeBias?,
            _ relative: (RelativePositions?, DropoutMask?), _ keyValues: KeyValueSource?,
            _ dropout: AttentionDropoutMask?, _ parameters: Parameters
        ) throws -> SelfAttention {
            let headSize = configuration.hiddenSize / configuration.heads
            var rotary: RotaryPositions?
            if case .rotary(let base) = configuration.positions {
                rotary = RotaryPositions(headSize: headSize, base: base, positions: segments.positions)
            }
            return try SelfAttention(
                name, width: configuration.hiddenSize, heads: configuration.heads,
                scale: configuration.attentionScale ?? 1 / Double(headSize).squareRoot(),
                isVisible: isVisible ?? segments.visibility(), rotary: rotary, relativeBias: relativeBias,
                relative: relative.0, relativeDropout: relative.1, keyValues: keyValues, dropout: dropout,
                hasBias: configuration.hasBiases,
                headNormEpsilon: configuration.normalizesQueriesAndKeys ? configuration.normEpsilon : nil, parameters)
        }
    }
}
