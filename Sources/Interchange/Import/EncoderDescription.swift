import Encoder

/// What a folder's `config.json` says of its encoder, in the terms of this engine.
struct EncoderDescription: Sendable {
    let family: EncoderFamily
    /// The Hugging Face class that it was saved as.
    let architecture: String?
    let vocabularySize: Int
    let embeddingSize: Int
    let shape: NetworkShape
    /// Rows of the position table, and how many of them stand before that of the first token (RoBERTa has two).
    let positionRows: Int
    let firstPosition: Int
    let tokenTypeCount: Int
    /// Whether it says that tokens are predicted with the word table.
    let tiesOutput: Bool
    let dropout: Double
    let attentionDropout: Double
    let initializerRange: Double
    let epsilon: Double
    /// On attention scores, relative to what this engine has without multipliers; and on the logits.
    let attentionMultiplier: Double
    let outputMultiplier: Double
    /// What only some families have: attention, norms, positions, biases.
    let model: ModelConfiguration

    /// Tokens of the longest sequence that it takes.
    var longestSequence: Int { positionRows - firstPosition }

    /// Greatest size that is accepted for any one dimension; keeps products within `Int` and bounds hostile input.
    static let maximumSize = 1 << 28
    static let maximumLayerCount = 1024
    static let maximumHeadCount = 1 << 16

    /// - Throws: `ImportError.unsupported` for a model that this engine does not have.
    init(_ file: FolderConfiguration) throws {
        func fail(_ problem: String) -> ImportError { .unsupported(path: file.path, problem) }
        architecture = try file.texts("architectures")?.first
        let type = try file.text("model_type")
        // Before 2020 the class was all that a folder told.
        guard
            let family = type.map(EncoderFamily.init(modelType:))
                ?? architecture.flatMap(EncoderFamily.init(architecture:))
        else {
            throw fail(
                "model_type is \((type ?? "missing").quoted); encoders of the types electra, bert, roberta, xlm-roberta, "
                    + "camembert and deberta-v2 are read, and what this program exports")
        }
        self.family = family
        let defaults = family.defaults
        func size(_ key: String, _ fallback: Int, in range: ClosedRange<Int> = 1...Self.maximumSize) throws -> Int {
            let value = try file.integer(key) ?? fallback
            guard range.contains(value) else { throw fail("\(key) is \(value), outside \(range)") }
            return value
        }
        func share(_ key: String, _ fallback: Double) throws -> Double {
            let value = try file.number(key) ?? fallback
            guard (0..<1).contains(value) else { throw fail("\(key) is \(value), outside 0..<1") }
            return value
        }
        vocabularySize = try size("vocab_size", defaults.vocabulary)
        let hidden = try size("hidden_size", defaults.hidden)
        let smallEmbeddings = family == .electra || family == .engine
        embeddingSize = try smallEmbeddings ? size("embedding_size", 128) : hidden
        shape = NetworkShape(
            hiddenSize: hidden,
            layerCount: try size("num_hidden_layers", defaults.layers, in: 1...Self.maximumLayerCount),
            headCount: try size("num_attention_heads", defaults.heads, in: 1...Self.maximumHeadCount),
            intermediateSize: try size("intermediate_size", defaults.intermediate))
        guard hidden.isMultiple(of: shape.headCount) else {
            throw fail("hidden_size \(hidden) is not a multiple of \(shape.headCount) attention heads")
        }
        positionRows = try size("max_position_embeddings", 512)
        // Positions are counted from the row behind the padding token's.
        firstPosition = try family == .roberta ? size("pad_token_id", 1, in: 0...Self.maximumSize) + 1 : 0
        guard positionRows - firstPosition >= 2 else {
            throw fail("max_position_embeddings is \(positionRows), which leaves no room for a text")
        }
        tokenTypeCount = try size("type_vocab_size", defaults.types, in: (family == .deberta ? 0 : 1)...1024)
        tiesOutput = try file.flag("tie_word_embeddings") ?? true
        dropout = try share("hidden_dropout_prob", 0.1)
        attentionDropout = try share("attention_probs_dropout_prob", 0.1)
        initializerRange = try file.number("initializer_range") ?? 0.02
        epsilon = try file.number("layer_norm_eps") ?? defaults.epsilon
        guard epsilon >= 0, epsilon < 1 else { throw fail("layer_norm_eps is \(epsilon)") }
        if family != .engine { try Self.checkPlain(file, fail) }
        switch family {
        case .electra, .bert, .roberta: model = ModelConfiguration()
        case .deberta: model = try Self.deberta(file, fail, positions: positionRows)
        case .engine: model = try CustomCodeDescription.model(file, layerCount: shape.layerCount)
        }
        let scale = Double((model.attention.disentangled ? 3 : 1) * shape.headSize).squareRoot()
        let multiplier = try family == .engine ? file.number("attention_scale").map { $0 * scale } ?? 1 : 1
        // 1/√d times √d is not always 1.
        attentionMultiplier = abs(multiplier - 1) < 1e-12 ? 1 : multiplier
        outputMultiplier = try family == .engine ? file.number("output_multiplier") ?? 1 : 1
        guard attentionMultiplier != 0, outputMultiplier != 0 else { throw fail("a multiplier is 0") }
    }

    /// What no encoder of Hugging Face's own may have here.
    private static func checkPlain(_ file: FolderConfiguration, _ fail: (String) -> ImportError) throws {
        if let activation = try file.text("hidden_act"), activation != "gelu" {
            throw fail("hidden_act is \(activation.quoted); only \"gelu\" is supported")
        }
        if let positions = try file.text("position_embedding_type"), positions != "absolute" {
            throw fail("position_embedding_type is \(positions.quoted); only \"absolute\" is supported")
        }
        if try file.flag("is_decoder") == true { throw fail("is_decoder is true; only encoders are supported") }
    }

    /// DeBERTa's attention (`DebertaV2Config`).
    private static func deberta(
        _ file: FolderConfiguration, _ fail: (String) -> ImportError, positions: Int
    ) throws -> ModelConfiguration {
        var model = ModelConfiguration()
        guard try file.flag("relative_attention") == true else {
            throw fail("relative_attention is not true; only disentangled attention is supported of this type")
        }
        let kinds: Set<String>
        // Older configurations have them as one text.
        if let text = try? file.text("pos_att_type") {
            kinds = Set(text.lowercased().split(separator: "|").map(String.init))
        } else {
            kinds = Set(try file.texts("pos_att_type") ?? [])
        }
        guard kinds == ["c2p", "p2c"] else { throw fail("pos_att_type is not both of c2p and p2c") }
        guard try file.flag("share_att_key") == true else { throw fail("share_att_key is not true") }
        guard try file.text("norm_rel_ebd") == "layer_norm" else { throw fail("norm_rel_ebd is not layer_norm") }
        if let size = try file.integer("conv_kernel_size"), size > 0 {
            throw fail("conv_kernel_size is \(size); a convolution is not supported")
        }
        if let size = try file.integer("embedding_size"), size != (try file.integer("hidden_size")) {
            throw fail("embedding_size is \(size) and not hidden_size; such a projection is not supported")
        }
        model.attention.disentangled = true
        model.attention.positionBuckets = max(try file.integer("position_buckets") ?? -1, 0)
        let distance = try file.integer("max_relative_positions") ?? -1
        guard model.attention.positionBuckets <= 65536, distance <= 1 << 20 else {
            throw fail("position_buckets or max_relative_positions is out of range")
        }
        model.attention.maximumRelativeDistance = distance > 0 ? distance : positions
        model.positions = try file.flag("position_biased_input") ?? true ? .learned : .none
        return model
    }
}
