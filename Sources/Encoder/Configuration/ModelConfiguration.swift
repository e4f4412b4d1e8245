import Configuration

/// Shape of both networks. The defaults are ELECTRA-small's (Clark et al. 2020, arXiv 2003.10555, table 6).
public struct ModelConfiguration: Configurable, Equatable {
    public var preset: String?
    public var hiddenSize = 256
    public var layerCount = 12
    public var headCount = 4
    public var intermediateSize = 1024
    public var embeddingSize = 128
    public var embeddingSharing = EmbeddingSharing.shared
    public var detectionHead = DetectionHeadKind.dense
    public var positions = PositionKind.learned
    public var maximumPositions = 512
    public var rotaryBase = 10000.0
    public var relativeBias = RelativeBiasConfiguration()
    public var feedForward = FeedForwardKind.gelu
    public var biases = true
    public var dropout = 0.1
    public var attentionDropout = 0.1
    public var attention = AttentionConfiguration()
    public var normalization = NormalizationConfiguration()
    public var initialization = InitializationConfiguration()
    public var generator = GeneratorConfiguration()

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.text(
            "preset", &preset,
            "Configuration that the defaults of all sections come from. This engine's own: demo, small, base; published ones: "
                + "electra-small, electra-base, electra-large, coco-lm-base, metro-base, metro-large, deberta-v3-small, deberta-v3-base, "
                + "longformer-rtd-small, longformer-rtd-base, modern-rtd-small.")
        try fields.integer("hidden_size", &hiddenSize, 8...65536, "Width of the discriminator.")
        try fields.integer("layer_count", &layerCount, 1...1024, "Layers of the discriminator.")
        try fields.integer("head_count", &headCount, 1...1024, "Attention heads of the discriminator.")
        try fields.integer("intermediate_size", &intermediateSize, 8...262_144, "Width of its feed-forward layers.")
        try fields.integer(
            "embedding_size", &embeddingSize, 8...65536,
            "Width of the shared embedding tables; projected if it differs.")
        try fields.choice(
            "embedding_sharing", &embeddingSharing,
            "What both networks have in common: shared (tables and norm), token_only (the word table), separate (nothing), "
                + "disentangled (the discriminator's tables are the generator's plus a difference of their own: GDES).")
        try fields.choice(
            "detection_head", &detectionHead,
            "dense: ELECTRA's; linear: one product, as COCO-LM and METRO; with_cls: sees the segment's first token too, as "
                + "DeBERTaV3.")
        try fields.choice(
            "positions", &positions,
            "learned: a table as in BERT; rotary: rotations of queries and keys; none: only what relative_bias or "
                + "attention.disentangled says.")
        try fields.integer(
            "maximum_positions", &maximumPositions, 2...1_048_576, "Rows of the position table, the longest segment.")
        try fields.number("rotary_base", &rotaryBase, 1...1e9, "Base of the rotary angles.")
        try fields.group(
            "relative_bias", &relativeBias, "A learned bias of attention scores by head and distance, beside positions."
        )
        try fields.choice(
            "feed_forward", &feedForward,
            "gelu: two products with GELU between; squared_relu: with max(0, x)² between; geglu: gated, with half as many "
                + "weights again.")
        try fields.flag(
            "biases", &biases, "Whether the encoders' products and layer norms have biases; heads keep their own.")
        try fields.number("dropout", &dropout, 0...0.9, "Dropout of embeddings and sublayer outputs.")
        try fields.number("attention_dropout", &attentionDropout, 0...0.9, "Dropout of attention probabilities.")
        try fields.group("attention", &attention, "Which tokens see which.")
        try fields.group("normalization", &normalization, "Layer normalization.")
        try fields.group("initialization", &initialization, "Initial values of weights.")
        try fields.group("generator", &generator, "The generator; sizes default to the discriminator's times a factor.")
    }

    public var uses: [SettingUse] {
        let ofRotary = "is for positions rotary; positions is \(positions.rawValue)"
        return [
            SettingUse(
                "maximum_positions", isRead: positions == .learned || generator.maskDecoder,
                otherwise: "is for a table of positions; positions is \(positions.rawValue)"),
            SettingUse(
                "rotary_base", "attention.local_rotary_base", isRead: positions == .rotary, otherwise: ofRotary),
        ]
    }

    public func validate() throws {
        try discriminatorShape.validate(prefix: "", rotary: positions == .rotary)
        if attention.disentangled, positions == .rotary || relativeBias.sharing != .none {
            throw InvalidSetting(
                "attention.disentangled",
                "has positions of its own; set positions to none, or learned, and relative_bias.sharing to none")
        }
        try validateMaskDecoder()
        if attention.queryKeyNorm, initialization.zeroQueries {
            throw InvalidSetting(
                "initialization.zero_queries",
                "queries of length 0 have no direction for attention.query_key_norm to keep; leave one of the two out")
        }
        if positions == .none, relativeBias.sharing == .none, !attention.disentangled {
            throw InvalidSetting(
                "positions",
                "none leaves attention without any order; choose learned or rotary, a relative_bias.sharing or "
                    + "attention.disentangled")
        }
        if embeddingSize % 8 != 0 {
            throw InvalidSetting(
                "embedding_size",
                "must be a multiple of 8; next to \(embeddingSize) are \(embeddingSize / 8 * 8) and \(embeddingSize / 8 * 8 + 8)"
            )
        }
    }

    /// Checks the generator's shape, which need not be one where there is no generator.
    ///
    /// - Throws: `InvalidSetting` with keys relative to this group.
    public func validateGenerator() throws {
        try generatorShape.validate(prefix: "generator.", rotary: positions == .rotary)
    }

    private func validateMaskDecoder() throws {
        guard generator.maskDecoder else { return }
        if positions != .none {
            throw InvalidSetting(
                "generator.mask_decoder",
                "brings absolute positions where tokens are predicted; positions is \(positions.rawValue), so set it to "
                    + "none, or mask_decoder to false")
        }
        let count = generatorShape.layerCount
        if count < 2 {
            throw InvalidSetting(
                "generator.mask_decoder", "needs a layer before the last; the generator has \(count), so give it two")
        }
        if normalization.form(layer: count - 1, of: count) != .post {
            throw InvalidSetting(
                "generator.mask_decoder",
                "is for Post-LN; normalization.placement is \(normalization.placement.rawValue)")
        }
        if attention.pattern != .full {
            throw InvalidSetting(
                "generator.mask_decoder", "is for attention.pattern full, not \(attention.pattern.rawValue)")
        }
    }

    public var discriminatorShape: NetworkShape {
        NetworkShape(
            hiddenSize: hiddenSize, layerCount: layerCount, headCount: headCount, intermediateSize: intermediateSize)
    }

    /// The model as one of its networks sees it: with that network's dropout.
    public func of(_ network: NetworkKind) -> ModelConfiguration {
        var model = self
        if network == .generator {
            model.dropout = generator.dropout ?? dropout
            model.attentionDropout = generator.attentionDropout ?? attentionDropout
        }
        return model
    }

    /// The generator's shape with what was left out derived: width, heads and feed-forward are scaled, depth is not.
    public var generatorShape: NetworkShape {
        func scaled(_ size: Int) -> Int { max(1, Int((Double(size) * generator.widthMultiplier).rounded())) }
        let heads = generator.headCount ?? scaled(headCount)
        return NetworkShape(
            hiddenSize: generator.hiddenSize ?? scaled(hiddenSize),
            layerCount: generator.layerCount ?? layerCount,
            headCount: heads,
            intermediateSize: generator.intermediateSize ?? scaled(intermediateSize))
    }
}

/// What a layer does after attention.
public enum FeedForwardKind: String, CaseIterable, Sendable {
    case gelu
    /// ReLU, squared (So et al. 2021, arXiv 2109.08668: Primer).
    case squaredReLU = "squared_relu"
    /// Gated (Shazeer 2020, arXiv 2002.05202).
    case geglu

    /// Whether it has as many gates as inner values.
    public var isGated: Bool { self == .geglu }
}

/// How tokens know where they stand.
public enum PositionKind: String, CaseIterable, Sendable {
    case learned
    case rotary
    case none
}

/// The generator's sizes where they differ from the discriminator's times the multiplier.
public struct GeneratorConfiguration: Configurable, Equatable {
    public var widthMultiplier = 0.25
    public var hiddenSize: Int?
    public var layerCount: Int?
    public var headCount: Int?
    public var intermediateSize: Int?
    public var tiedOutput = true
    public var dropout: Double?
    public var attentionDropout: Double?
    public var maskDecoder = false

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.number(
            "width_multiplier", &widthMultiplier, 0.01...4, "Scales hidden size, heads and feed-forward, not depth.")
        try fields.integer("hidden_size", &hiddenSize, 8...65536, "null: scaled from the discriminator's.")
        try fields.integer("layer_count", &layerCount, 1...1024, "null: the discriminator's.")
        try fields.integer("head_count", &headCount, 1...1024, "null: scaled from the discriminator's.")
        try fields.integer("intermediate_size", &intermediateSize, 8...262_144, "null: scaled.")
        try fields.number("dropout", &dropout, 0...0.9, "null: the discriminator's; METRO's auxiliary has 0.")
        try fields.number("attention_dropout", &attentionDropout, 0...0.9, "null: the discriminator's.")
        try fields.flag(
            "tied_output", &tiedOutput,
            "Predict tokens with the word embeddings as output weights; false gives the output a table of its own.")
        try fields.flag(
            "mask_decoder", &maskDecoder,
            "DeBERTa's enhanced mask decoder: the last layer twice, with the states before it as keys and values, and as "
                + "queries these plus learned absolute positions. For Post-LN and model.positions none.")
    }
}

/// Sizes of one network.
public struct NetworkShape: Sendable, Equatable {
    public var hiddenSize: Int
    public var layerCount: Int
    public var headCount: Int
    public var intermediateSize: Int

    public init(hiddenSize: Int, layerCount: Int, headCount: Int, intermediateSize: Int) {
        self.hiddenSize = hiddenSize
        self.layerCount = layerCount
        self.headCount = headCount
        self.intermediateSize = intermediateSize
    }

    public var headSize: Int { hiddenSize / headCount }

    /// Numbers of heads that would do.
    ///
    /// - Parameter width: the key of the hidden size.
    private func choices(unit: Int, _ width: String) -> String {
        let heads = (1...max(1, hiddenSize / unit)).filter { hiddenSize % $0 == 0 && hiddenSize / $0 % unit == 0 }
        if heads.isEmpty { return "no number of heads does: make \(width) (\(hiddenSize)) a multiple of \(unit)" }
        return "with \(width) \(hiddenSize) these do: " + heads.prefix(12).map(String.init).joined(separator: ", ")
    }

    func validate(prefix: String, rotary: Bool) throws {
        let width = prefix + "hidden_size"
        if hiddenSize % headCount != 0 {
            throw InvalidSetting(
                prefix + "head_count",
                "\(headCount) heads do not divide \(width) \(hiddenSize); \(choices(unit: rotary ? 16 : 8, width))")
        }
        let unit = rotary ? 16 : 8
        if headSize % unit != 0 {
            throw InvalidSetting(
                prefix + "head_count",
                "gives heads of \(headSize); kernels need multiples of \(unit)\(rotary ? " with rotary positions" : ""); "
                    + choices(unit: unit, width))
        }
        if intermediateSize % 8 != 0 {
            throw InvalidSetting(
                prefix + "intermediate_size",
                "\(intermediateSize) is not a multiple of 8; next to it are \(intermediateSize / 8 * 8) and "
                    + "\(intermediateSize / 8 * 8 + 8)")
        }
    }
}
