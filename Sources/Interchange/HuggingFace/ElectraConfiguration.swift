import Foundation

/// Settings of an ELECTRA model that change its training or its numbers but not the tensors' shapes.
public struct ElectraSettings: Sendable, Equatable {
    /// Dropout of embeddings and of both branches of a layer, for whoever trains the exported model further.
    public var dropout: Double
    public var attentionDropout: Double
    /// Standard deviation with which new heads are initialised.
    public var initializerRange: Double
    public var layerNormEpsilon: Double

    public init(
        dropout: Double = 0.1, attentionDropout: Double = 0.1, initializerRange: Double = 0.02,
        layerNormEpsilon: Double = 1e-12
    ) {
        self.dropout = dropout
        self.attentionDropout = attentionDropout
        self.initializerRange = initializerRange
        self.layerNormEpsilon = layerNormEpsilon
    }
}

/// `config.json` of a Hugging Face ELECTRA folder.
struct ElectraConfiguration: Encodable {
    var architectures: [String]?
    var modelType: String?
    var vocabularySize: Int?
    var embeddingSize: Int?
    var hiddenSize: Int?
    var layerCount: Int?
    var headCount: Int?
    var feedForwardSize: Int?
    var activation: String?
    var dropout: Double?
    var attentionDropout: Double?
    var positionCount: Int?
    var tokenTypeCount: Int?
    var initializerRange: Double?
    var layerNormEpsilon: Double?
    var paddingID: Int?
    var tiesWordEmbeddings: Bool?
    var elementType: String?
    // Of a classifier; left out of the others.
    var id2label: [String: String]?
    var label2id: [String: Int]?
    var problemType: String?

    enum CodingKeys: String, CodingKey {
        case architectures
        case modelType = "model_type"
        case vocabularySize = "vocab_size"
        case embeddingSize = "embedding_size"
        case hiddenSize = "hidden_size"
        case layerCount = "num_hidden_layers"
        case headCount = "num_attention_heads"
        case feedForwardSize = "intermediate_size"
        case activation = "hidden_act"
        case dropout = "hidden_dropout_prob"
        case attentionDropout = "attention_probs_dropout_prob"
        case positionCount = "max_position_embeddings"
        case tokenTypeCount = "type_vocab_size"
        case initializerRange = "initializer_range"
        case layerNormEpsilon = "layer_norm_eps"
        case paddingID = "pad_token_id"
        case tiesWordEmbeddings = "tie_word_embeddings"
        case elementType = "dtype"
        case id2label
        case label2id
        case problemType = "problem_type"
    }

    init(
        _ network: ElectraNetwork, _ sizes: ElectraShape.Network, of shape: ElectraShape, _ settings: ElectraSettings,
        paddingID: Int
    ) {
        architectures = [shape.architecture(of: network)]
        modelType = "electra"
        vocabularySize = shape.vocabularySize
        embeddingSize = shape.embeddingSize
        hiddenSize = sizes.hiddenSize
        layerCount = sizes.layerCount
        headCount = sizes.headCount
        feedForwardSize = sizes.feedForwardSize
        // Hugging Face's "gelu" is the exact one, by the error function.
        activation = "gelu"
        dropout = settings.dropout
        attentionDropout = settings.attentionDropout
        positionCount = shape.positionCount
        tokenTypeCount = shape.tokenTypeCount
        initializerRange = settings.initializerRange
        layerNormEpsilon = settings.layerNormEpsilon
        self.paddingID = paddingID
        tiesWordEmbeddings = network == .discriminator || shape.outputIsTied
        elementType = "float32"
    }
}

extension Encodable {
    /// As a JSON file that people read: indented, keys sorted, with a line feed at the end.
    func jsonFile(_ keys: JSONEncoder.KeyEncodingStrategy = .useDefaultKeys) throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = keys
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }
}
