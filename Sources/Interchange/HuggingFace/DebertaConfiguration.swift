import Encoder

/// `config.json` of a Hugging Face DeBERTa-v2 folder.
struct DebertaConfiguration: Encodable {
    let architectures: [String]
    let modelType = "deberta-v2"
    var dtype: String? = "float32"
    let vocabSize: Int
    let hiddenSize: Int
    let numHiddenLayers: Int
    let numAttentionHeads: Int
    let intermediateSize: Int
    let hiddenAct = "gelu"
    let hiddenDropoutProb: Double
    let attentionProbsDropoutProb: Double
    let maxPositionEmbeddings: Int
    let typeVocabSize = 2
    let initializerRange: Double
    let layerNormEps: Double
    let relativeAttention = true
    let positionBuckets: Int
    let maxRelativePositions: Int
    let normRelEbd = "layer_norm"
    let shareAttKey = true
    let posAttType = ["p2c", "c2p"]
    let positionBiasedInput: Bool
    let padTokenId: Int
    let tieWordEmbeddings = true

    init(
        _ architecture: String, _ model: ModelConfiguration, _ shape: NetworkShape, vocabularySize: Int,
        longestSequence: Int, paddingID: Int
    ) {
        architectures = [architecture]
        vocabSize = vocabularySize
        hiddenSize = shape.hiddenSize
        numHiddenLayers = shape.layerCount
        numAttentionHeads = shape.headCount
        intermediateSize = shape.intermediateSize
        hiddenDropoutProb = model.dropout
        attentionProbsDropoutProb = model.attentionDropout
        maxPositionEmbeddings = longestSequence
        initializerRange = model.initialization.standardDeviation
        layerNormEps = model.normalization.epsilon
        positionBuckets = model.attention.positionBuckets > 0 ? model.attention.positionBuckets : -1
        maxRelativePositions = model.attention.maximumRelativeDistance
        positionBiasedInput = model.positions == .learned
        padTokenId = paddingID
    }
}
