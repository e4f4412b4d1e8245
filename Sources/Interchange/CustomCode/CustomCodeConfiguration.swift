import Encoder
import Engine
import Objectives
import Parametrization

/// `config.json` of a folder with code of its own: what `PretrainConfig` in `modeling_pretrain.py` reads, resolved for every
/// layer, so that the code need not know how settings make layers.
struct CustomCodeConfiguration: Encodable {
    let modelType = "pretrain"
    let architectures: [String]
    let autoMap: [String: String]
    var dtype: String? = "float32"
    let vocabSize: Int
    let embeddingSize: Int
    let hiddenSize: Int
    let numHiddenLayers: Int
    let numAttentionHeads: Int
    let intermediateSize: Int
    let maxPositionEmbeddings: Int
    let typeVocabSize = 2
    let hiddenDropoutProb: Double
    let attentionProbsDropoutProb: Double
    let initializerRange: Double
    let layerNormEps: Double
    let normKind: String
    let normForms: [String]
    let normScales: [Double]
    let normBeforeFirstAttention: Bool
    let feedForward: String
    let useBias: Bool
    let positions: String
    let rotaryBases: [Double]
    let attentionScale: Double
    let queryKeyNorm: Bool
    let halfWindows: [Int?]
    let dilations: [Int]
    let globalTokens: String
    let globalEvery: Int
    let globalIds: [Int]
    let maximumGlobalTokens: Int
    let globalProjections: String
    let relativeBias: String
    let relativeBinning: String
    let relativeBins: Int
    let relativeMaximumDistance: Int
    let disentangled: Bool
    let positionBuckets: Int
    let maximumRelativeDistance: Int
    let maskDecoder: Bool
    let detectionHead: String
    let outputMultiplier: Double
    let tieWordEmbeddings: Bool
    let padTokenId: Int
    // Of a classifier; left out of the others.
    var id2label: [String: String]?
    var label2id: [String: Int]?
    var problemType: String?
    var classifierPooling: String?

    /// - Parameters:
    ///   - network: of the run's networks.
    ///   - architecture: its class.
    ///   - used: layers from the embeddings up that there are; nil: all.
    init(
        _ network: NetworkKind, architecture: CustomCodeArchitecture, _ configuration: EngineConfiguration,
        vocabularySize: Int, outputMultiplier: Double, paddingID: Int, layers used: Int? = nil
    ) {
        let model = configuration.model.of(network)
        let shape = network == .generator ? model.generatorShape : model.discriminatorShape
        let count = used ?? shape.layerCount
        let layers = LayerAttention.layers(model, shape, networkIndex: network == .generator ? 0 : 1).prefix(count)
        architectures = [architecture.rawValue]
        autoMap = architecture.autoMap
        vocabSize = vocabularySize
        embeddingSize = model.embeddingSize
        hiddenSize = shape.hiddenSize
        numHiddenLayers = count
        numAttentionHeads = shape.headCount
        intermediateSize = shape.intermediateSize
        maxPositionEmbeddings = model.longestSequence(configuration.sequenceLength)
        hiddenDropoutProb = model.dropout
        attentionProbsDropoutProb = model.attentionDropout
        initializerRange = model.initialization.standardDeviation
        layerNormEps = model.normalization.epsilon
        normKind = model.normalization.kind.rawValue
        let forms = (0..<count).map { model.normalization.form(layer: $0, of: shape.layerCount) }
        normForms = forms.map(\.name)
        normScales = forms.map(\.scale)
        normBeforeFirstAttention = model.normalization.beforeFirstAttention
        feedForward = model.feedForward.rawValue
        useBias = model.biases
        positions = model.positions.rawValue
        rotaryBases = layers.map {
            $0.kind == .full ? model.rotaryBase : model.attention.localRotaryBase ?? model.rotaryBase
        }
        attentionScale = network.attentionScale(model, configuration.parametrization)
        queryKeyNorm = model.attention.queryKeyNorm
        halfWindows = layers.map(\.halfWidth)
        dilations = layers.lazy.compactMap(\.dilations).first ?? Array(repeating: 1, count: shape.headCount)
        globalTokens = model.attention.globalTokens.rawValue
        globalEvery = model.attention.globalEvery
        globalIds = model.attention.globalIDs
        maximumGlobalTokens = model.attention.maximumGlobalTokens
        globalProjections = model.attention.globalProjections.rawValue
        relativeBias = model.relativeBias.sharing.rawValue
        relativeBinning = model.relativeBias.binning.rawValue
        relativeBins = model.relativeBias.bins
        relativeMaximumDistance = model.relativeBias.maximumDistance
        disentangled = model.attention.disentangled
        positionBuckets = model.attention.positionBuckets
        maximumRelativeDistance = model.attention.maximumRelativeDistance
        maskDecoder = network == .generator && model.generator.maskDecoder
        detectionHead = model.detectionHead.rawValue
        self.outputMultiplier = outputMultiplier
        tieWordEmbeddings = network == .discriminator || model.generator.tiedOutput
        padTokenId = paddingID
    }
}

extension ModelConfiguration {
    /// Tokens of the longest sequence that the model takes: rows of a position table, or what it was trained with.
    func longestSequence(_ sequenceLength: Int) -> Int {
        positions == .learned || generator.maskDecoder ? maximumPositions : sequenceLength
    }
}

extension LayerNormalization {
    fileprivate var name: String {
        switch self {
        case .post: "post"
        case .pre: "pre"
        case .peri: "peri"
        case .bare: "bare"
        }
    }

    fileprivate var scale: Double {
        if case .pre(let scale) = self { scale } else { 1 }
    }
}

extension LayerAttention {
    fileprivate var halfWidth: Int? {
        if case .window(let halfWidth, _) = kind { halfWidth } else { nil }
    }

    fileprivate var dilations: [Int]? {
        if case .window(_, let dilations) = kind { dilations } else { nil }
    }
}
