import Encoder
import Kernels
import Parametrization
import Testing

/// The encoder's options against the Double reference, as the other tests have the encoder itself.
@Suite("Encoder options against the reference")
struct FastEncoderOptionTests {
    struct Case: CustomTestStringConvertible {
        var name: String
        var embeddingSize = 32
        var segments = [0, 1, 14, 23]
        var change: @Sendable (inout ModelConfiguration) -> Void
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(name: "RMSNorm, Post-LN, dropout") {
            $0.normalization.kind = .rmsNorm
            $0.dropout = 0.25
        },
        Case(name: "RMSNorm, Mix-LN, projection", embeddingSize: 16) {
            $0.normalization.kind = .rmsNorm
            $0.normalization.placement = .mix
            $0.normalization.alpha = 0.5
        },
        Case(name: "GEGLU") { $0.feedForward = .geglu },
        Case(name: "normalized queries and keys, learned positions, dropout of probabilities") {
            $0.attention.queryKeyNorm = true
            $0.attentionDropout = 0.25
            $0.normalization.epsilon = 1e-3
        },
        Case(name: "normalized queries and keys, rotary positions, no biases, Pre-LN") {
            $0.attention.queryKeyNorm = true
            $0.biases = false
            $0.positions = .rotary
            $0.normalization.placement = .pre
        },
        Case(name: "squared ReLU, dropout") {
            $0.feedForward = .squaredReLU
            $0.dropout = 0.25
        },
        Case(name: "no biases, Post-LN, projection", embeddingSize: 16) { $0.biases = false },
        Case(name: "Pre-LN without a norm before the first attention, dropout") {
            $0.normalization.placement = .pre
            $0.normalization.beforeFirstAttention = false
            $0.dropout = 0.25
        },
        Case(name: "ModernBERT's layers", embeddingSize: 16) {
            $0.normalization.placement = .pre
            $0.normalization.beforeFirstAttention = false
            $0.biases = false
            $0.feedForward = .geglu
            $0.positions = .rotary
        },
        Case(name: "Peri-LN, dropout") {
            $0.normalization.placement = .peri
            $0.dropout = 0.25
        },
        Case(name: "Peri-LN, RMSNorm, GEGLU, no biases, rotary of another base") {
            $0.normalization.placement = .peri
            $0.normalization.kind = .rmsNorm
            $0.feedForward = .geglu
            $0.biases = false
            $0.positions = .rotary
            $0.rotaryBase = 160_000
        },
        Case(name: "LayerNorm Scaling, dropout") {
            $0.normalization.placement = .scaled
            $0.dropout = 0.25
            $0.attentionDropout = 0.25
        },
        Case(name: "LayerNorm Scaling, no biases, GEGLU, dropout") {
            $0.normalization.placement = .scaled
            $0.biases = false
            $0.feedForward = .geglu
            $0.dropout = 0.125
        },
        Case(name: "relative bias of T5, shared, no positions") {
            $0.positions = .none
            $0.relativeBias.sharing = .shared
        },
        Case(name: "relative bias of COCO-LM, shared, beside learned positions", segments: [0, 5, 190]) {
            $0.relativeBias.sharing = .shared
            $0.relativeBias.binning = .cocoLM
            $0.attentionDropout = 0.25
        },
        Case(name: "relative bias per layer, beyond the maximum distance, beside rotary positions") {
            $0.positions = .rotary
            $0.relativeBias.sharing = .perLayer
            $0.relativeBias.bins = 8
            $0.relativeBias.maximumDistance = 5
        },
        Case(name: "disentangled attention, dropout") {
            $0.positions = .none
            $0.attention.disentangled = true
            $0.attention.positionBuckets = 8
            $0.attention.maximumRelativeDistance = 12
            $0.dropout = 0.25
            $0.attentionDropout = 0.25
        },
        Case(name: "disentangled attention, a row for every distance, Pre-LN, no biases", segments: [0, 5, 190]) {
            $0.positions = .none
            $0.attention.disentangled = true
            $0.attention.positionBuckets = 0
            $0.attention.maximumRelativeDistance = 200
            $0.normalization.placement = .pre
            $0.biases = false
        },
        Case(name: "disentangled attention beside learned positions, beyond the maximum", segments: [0, 5, 190]) {
            $0.attention.disentangled = true
            $0.attention.positionBuckets = 32
            $0.attention.maximumRelativeDistance = 64
            $0.normalization.kind = .rmsNorm
        },
        Case(name: "LayerNorm Scaling, RMSNorm") {
            $0.normalization.placement = .scaled
            $0.normalization.kind = .rmsNorm
        },
    ]

    @Test("Hidden states and gradients", arguments: cases)
    func gradients(_ test: Case) throws {
        var model = ModelConfiguration()
        model.hiddenSize = 32
        model.headCount = 2
        model.intermediateSize = 48
        model.layerCount = test.segments.count > 3 ? 4 : 2
        model.embeddingSize = test.embeddingSize
        model.dropout = 0
        model.attentionDropout = 0
        test.change(&model)
        try FastEncoder(model, segments: test.segments, firstRow: 40).expectEqualToReference()
    }

    @Test("The mask decoder: hidden states and gradients", arguments: [true, false])
    func maskDecoder(isDisentangled: Bool) throws {
        var model = ModelConfiguration()
        model.hiddenSize = 32
        model.headCount = 2
        model.intermediateSize = 48
        model.layerCount = 3
        model.embeddingSize = 16
        model.positions = .none
        model.maximumPositions = 30
        model.attention.disentangled = isDisentangled
        model.attention.positionBuckets = 8
        model.attention.maximumRelativeDistance = 12
        if !isDisentangled { model.relativeBias.sharing = .shared }
        model.generator.widthMultiplier = 1
        model.generator.maskDecoder = true
        model.dropout = 0.25
        model.attentionDropout = isDisentangled ? 0.125 : 0
        try FastEncoder(model, segments: [0, 1, 14, 23], firstRow: 40, .generator).expectEqualToReference()
    }
}
