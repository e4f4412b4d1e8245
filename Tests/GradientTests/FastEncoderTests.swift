import Encoder
import Testing

/// The engine's encoder against the Double reference: hidden states, and gradients under a random upstream gradient.
@Suite("Encoder against the reference")
struct FastEncoderTests {
    struct Case: CustomTestStringConvertible {
        var placement: NormalizationPlacement
        var positions: PositionKind
        var dropout = 0.0
        var attentionDropout = 0.0
        var segments: [Int]
        var embeddingSize = 16
        var heads = 2

        var testDescription: String {
            "\(placement) \(positions) dropout \(dropout)/\(attentionDropout) segments \(segments) E=\(embeddingSize)"
        }
    }

    static let cases: [Case] = [
        Case(placement: .post, positions: .learned, segments: [0, 11]),
        Case(placement: .post, positions: .learned, dropout: 0.25, attentionDropout: 0.125, segments: [0, 5, 6, 23]),
        Case(placement: .pre, positions: .rotary, segments: [0, 1, 9, 17], embeddingSize: 32),
        Case(placement: .pre, positions: .learned, dropout: 0.5, segments: [0, 8, 12]),
        Case(placement: .mix, positions: .rotary, dropout: 0.25, attentionDropout: 0.25, segments: [0, 13, 20]),
        Case(placement: .mix, positions: .learned, segments: [0, 2, 4, 6, 8], embeddingSize: 32, heads: 1),
        // More queries than a tile of 96.
        Case(placement: .post, positions: .rotary, attentionDropout: 0.25, segments: [0, 150, 160]),
        // More keys than a panel of 704: the running maximum is rescaled.
        Case(placement: .pre, positions: .rotary, attentionDropout: 0.125, segments: [0, 3, 760], heads: 1),
    ]

    @Test("Hidden states and gradients", arguments: cases)
    func gradients(_ c: Case) throws {
        try FastEncoder(c.model, segments: c.segments, firstRow: 40).expectEqualToReference()
    }

    /// Each operand is off by up to 2⁻⁹ of itself, and the errors of a few layers add up; a product that is left out, or of
    /// the wrong operands, is off by the whole.
    @Test("Hidden states and gradients in bfloat16", arguments: cases)
    func bfloat16(_ c: Case) throws {
        var encoder = FastEncoder(c.model, segments: c.segments, firstRow: 40)
        encoder.products = .bfloat16(nil)
        encoder.tolerances = (states: 0.02, gradients: 0.1)
        let error = try encoder.expectEqualToReference()
        #expect(error > 1e-3, "nothing was rounded")
    }
}

extension FastEncoderTests.Case {
    var model: ModelConfiguration {
        var model = ModelConfiguration()
        model.hiddenSize = 32
        model.headCount = heads
        model.intermediateSize = 48
        model.layerCount = segments.last! > 100 ? 1 : 4
        model.embeddingSize = embeddingSize
        model.maximumPositions = 757
        model.positions = positions
        model.normalization.placement = placement
        model.normalization.alpha = 0.5
        model.dropout = dropout
        model.attentionDropout = attentionDropout
        return model
    }
}
