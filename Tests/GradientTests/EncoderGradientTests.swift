import TestSupport
import Testing

extension Reference.EncoderConfiguration {
    /// Small enough to differentiate by every weight.
    static func tiny(
        embedding: Int = 4, hidden: Int = 6, layers: Int = 2, heads: Int = 1,
        placement: Reference.NormPlacement = .post,
        positions: Reference.Positions = .learned(maximum: 6), norm: Reference.NormKind = .layerNorm
    ) -> Self {
        Self(
            vocabularySize: 9, embeddingSize: embedding, hiddenSize: hidden, feedForwardSize: 5, layers: layers,
            heads: heads, positions: positions, placement: placement, norm: norm, normEpsilon: 1e-6)
    }
}

/// The whole encoder in every placement of the norms and with both kinds of positions.
@Suite("Encoder gradients")
struct EncoderGradientTests {
    struct Case: CustomTestStringConvertible {
        var name: String
        var configuration: Reference.EncoderConfiguration
        var dropout = 0.0
        var hasFinalNorm: Bool
        /// Of the central differences; smaller where the curvature is large.
        var step = 3e-4
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "Post-LN, learned", configuration: .tiny(), hasFinalNorm: false),
        Case(name: "Post-LN, no projection", configuration: .tiny(embedding: 6, heads: 2), hasFinalNorm: false),
        Case(name: "Pre-LN", configuration: .tiny(placement: .pre), dropout: 0.1, hasFinalNorm: true),
        Case(
            name: "Mix-LN, rotary, dropout",
            configuration: .tiny(
                hidden: 8, layers: 3, heads: 2, placement: .mix(alpha: 0.4), positions: .rotary(base: 100)),
            dropout: 0.2, hasFinalNorm: true),
        Case(name: "Mix-LN, all post", configuration: .tiny(placement: .mix(alpha: 1)), hasFinalNorm: false),
        Case(
            name: "RMSNorm, own scale",
            configuration: {
                var configuration = Reference.EncoderConfiguration.tiny(placement: .pre, norm: .rmsNorm)
                configuration.attentionScale = 0.9
                return configuration
            }(), hasFinalNorm: true),
        Case(
            name: "Peri-LN, GEGLU, relative bias without positions",
            configuration: {
                var configuration = Reference.EncoderConfiguration.tiny(placement: .peri, positions: .none)
                configuration.feedForward = .geglu
                configuration.relativeBias = .init(bins: 8, maximumDistance: 4)
                return configuration
            }(), dropout: 0.2, hasFinalNorm: true, step: 1e-4),
        Case(
            name: "Pre-LN, squared ReLU, normalized queries and keys, rotary positions",
            configuration: {
                var configuration = Reference.EncoderConfiguration.tiny(placement: .pre, positions: .rotary(base: 100))
                configuration.feedForward = .squaredReLU
                configuration.normalizesQueriesAndKeys = true
                return configuration
            }(), hasFinalNorm: true),
        Case(
            name: "LayerNorm Scaling, no biases, COCO-LM's bins per layer",
            configuration: {
                var configuration = Reference.EncoderConfiguration.tiny(layers: 3, heads: 2, placement: .scaled)
                configuration.hasBiases = false
                configuration.relativeBias = .init(bins: 8, maximumDistance: 6, isPerLayer: true, isCOCO: true)
                return configuration
            }(), hasFinalNorm: true),
    ]

    @Test("Gradients of all parameters", arguments: cases)
    func gradients(_ test: Case) throws {
        let segments = Reference.Segments(offsets: [0, 4, 5, 8])
        let tokens = [1, 7, 3, 1, 0, 8, 3, 2]
        let parameters = Reference.Parameters(drawnFrom: 30)
        var generator = SplitMix64(seed: 31)
        let dropout =
            test.dropout == 0
            ? .none : generator.encoderDropout(test.configuration, tokens: tokens.count, probability: test.dropout)
        var encoder = try Reference.Encoder(
            test.configuration, prefix: "generator.", segments: segments, dropout: dropout, parameters)
        let upstream = generator.matrix(tokens.count, test.configuration.hiddenSize)
        expectGradients(
            of: parameters.all, step: test.step, function: { encoder.forward(tokens).dot(upstream) },
            backward: { encoder.backward(upstream: upstream) })

        #expect((parameters["generator.final_norm.gain"] != nil) == test.hasFinalNorm)
        #expect(
            (parameters["generator.projection.weight"] != nil)
                == (test.configuration.embeddingSize != test.configuration.hiddenSize))
    }

    @Test("States and their gradients")
    func states() throws {
        let configuration = Reference.EncoderConfiguration.tiny(layers: 3)
        let parameters = Reference.Parameters(drawnFrom: 33)
        var encoder = try Reference.Encoder(
            configuration, prefix: "generator.", segments: .init(offsets: [0, 3]), parameters)
        var generator = SplitMix64(seed: 34)
        let upstream = generator.matrix(3, configuration.hiddenSize)
        let hidden = encoder.forward([1, 2, 3])
        encoder.backward(upstream: upstream)
        #expect(encoder.states.count == 4 && encoder.stateGradients.count == 4)
        #expect(encoder.states[3] == hidden && encoder.stateGradients[3] == upstream)
        // The bias of the projection feels what arrives at the first layer's input, summed over tokens.
        let bias = try #require(parameters["generator.projection.bias"])
        for (column, gradient) in bias.gradient.enumerated() {
            let sum = (0..<3).reduce(0) { $0 + encoder.stateGradients[0][$1, column] }
            #expect(abs(sum - gradient) < 1e-12)
        }
    }

    @Test("Layers below the share are Post-LN")
    func mixPlacement() {
        let isPost = { (alpha: Double, depth: Int) in
            (0..<depth).map { Reference.NormPlacement.mix(alpha: alpha).isPost(layer: $0, of: depth) }
        }
        #expect(isPost(0.25, 4) == [true, false, false, false])
        #expect(isPost(0.25, 6) == [true, false, false, false, false, false])
        #expect(isPost(0.25, 2) == [false, false])
        #expect(isPost(0, 2) == [false, false])
        #expect(isPost(1, 2) == [true, true])
    }

    @Test("A document does not feel its neighbours", arguments: cases.filter { $0.dropout == 0 })
    func segmentsAreIndependent(_ test: Case) throws {
        let parameters = Reference.Parameters(drawnFrom: 32)
        let hidden = { (tokens: [Int], offsets: [Int]) in
            var encoder = try Reference.Encoder(
                test.configuration, prefix: "generator.", segments: .init(offsets: offsets), parameters)
            return encoder.forward(tokens)
        }
        let alone = try hidden([5, 2, 6], [0, 3])
        let together = try hidden([1, 4, 5, 2, 6, 3], [0, 2, 5, 6])
        for row in 0..<3 { #expect(together.row(row + 2) == alone.row(row)) }
    }

    @Test("A missing, misshapen or unused parameter is named")
    func parameterErrors() throws {
        let parameters = Reference.Parameters()
        try parameters.add("a.weight", shape: [2, 3], values: [Float](repeating: 1, count: 6))
        #expect(throws: Reference.ParameterError.self) {
            try Reference.Linear("a", inputs: 3, outputs: 2, parameters)
        }
        try parameters.add("a.bias", shape: [2], values: [0.5, 0.25] as [Float])
        #expect(throws: Reference.ParameterError.self) {
            try Reference.Linear("a", inputs: 2, outputs: 3, parameters)
        }
        #expect(throws: Reference.ParameterError.self) { try parameters.add("a.bias", shape: [1], values: [0.0]) }
        try parameters.add("b.bias", shape: [1], values: [0.0])
        _ = try Reference.Linear("a", inputs: 3, outputs: 2, parameters)
        #expect(parameters.unrequested == ["b.bias"])
    }
}
