import TestSupport
import Testing

/// Backward of each layer against central differences of its forward, under random upstream gradients.
@Suite("Layer gradients")
struct LayerGradientTests {
    @Test("Linear", arguments: [(1, 1, 1), (3, 4, 2), (5, 2, 7)])
    func linear(rows: Int, inputs: Int, outputs: Int) throws {
        let parameters = Reference.Parameters(drawnFrom: 1)
        let layer = try Reference.Linear("linear", inputs: inputs, outputs: outputs, parameters)
        expectGradients(of: layer, rows: rows, columns: inputs, parameters: parameters)
    }

    @Test("LayerNorm", arguments: [(1, 3, 1e-12), (4, 8, 1e-5), (2, 17, 0.5)])
    func layerNorm(rows: Int, width: Int, epsilon: Double) throws {
        let parameters = Reference.Parameters(drawnFrom: 2)
        let layer = try Reference.LayerNorm("norm", width: width, epsilon: epsilon, parameters)
        expectGradients(of: layer, rows: rows, columns: width, parameters: parameters)
    }

    @Test("RMSNorm", arguments: [(1, 3, 1e-12), (4, 8, 1e-5), (2, 17, 0.5)])
    func rmsNorm(rows: Int, width: Int, epsilon: Double) throws {
        let parameters = Reference.Parameters(drawnFrom: 3)
        let layer = try Reference.RMSNorm("norm", width: width, epsilon: epsilon, parameters)
        expectGradients(of: layer, rows: rows, columns: width, parameters: parameters)
    }

    @Test("GELU", arguments: [(1, 1), (6, 11)])
    func gelu(rows: Int, columns: Int) {
        expectGradients(of: Reference.GELU(), rows: rows, columns: columns)
    }

    @Test("GEGLU", arguments: [(1, 2), (6, 10)])
    func geglu(rows: Int, columns: Int) {
        expectGradients(of: Reference.GEGLU(), rows: rows, columns: columns)
    }

    @Test("Dropout with a given mask", arguments: [(1, 5, 0.0), (4, 6, 0.1), (3, 9, 0.5)])
    func dropout(rows: Int, columns: Int, probability: Double) {
        var generator = SplitMix64(seed: 4)
        let mask = generator.dropoutMask(rows, columns, probability: probability)
        expectGradients(of: Reference.Dropout(mask: mask), rows: rows, columns: columns)
    }

    @Test("Rotary positions", arguments: [([0, 1], 1, 2), ([0, 3, 7], 2, 4), ([0, 2, 2, 5], 3, 6)])
    func rotary(offsets: [Int], heads: Int, headSize: Int) {
        let segments = Reference.Segments(offsets: offsets)
        let layer = Reference.RotaryPositions(headSize: headSize, base: 100, positions: segments.positions)
        expectGradients(of: layer, rows: segments.tokenCount, columns: heads * headSize)
    }

    @Test("Feed-forward", arguments: [(1, 2, 3), (4, 6, 5), (3, 4, 9)])
    func feedForward(rows: Int, width: Int, innerWidth: Int) throws {
        let parameters = Reference.Parameters(drawnFrom: 5)
        let layer = try Reference.FeedForward("feed_forward", width: width, innerWidth: innerWidth, parameters)
        expectGradients(of: layer, rows: rows, columns: width, parameters: parameters)
    }

    @Test("Squared ReLU", arguments: [(1, 2), (6, 5)])
    func squaredReLU(rows: Int, columns: Int) {
        expectGradients(of: Reference.SquaredReLU(), rows: rows, columns: columns)
    }

    @Test("Feed-forward, gated and without biases", arguments: [(1, 2, 3), (4, 6, 5)])
    func gatedFeedForward(rows: Int, width: Int, innerWidth: Int) throws {
        for hasBiases in [true, false] {
            let parameters = Reference.Parameters(drawnFrom: 15)
            let layer = try Reference.FeedForward(
                "feed_forward", width: width, innerWidth: innerWidth, kind: .geglu, hasBiases: hasBiases, parameters)
            expectGradients(of: layer, rows: rows, columns: width, parameters: parameters)
            #expect(parameters.all.count == (hasBiases ? 4 : 2))
        }
    }

    @Test(
        "Residual sublayers", arguments: [Reference.NormForm.post, .pre, .peri], [(1, 4, 0.0), (5, 6, 0.3)])
    func residual(form: Reference.NormForm, shape: (rows: Int, width: Int, probability: Double)) throws {
        let parameters = Reference.Parameters(drawnFrom: 6)
        let function = try Reference.FeedForward("function", width: shape.width, innerWidth: 7, parameters)
        let norm = try Reference.LayerNorm("norm", width: shape.width, epsilon: 1e-6, parameters)
        var generator = SplitMix64(seed: 8)
        let mask = generator.dropoutMask(shape.rows, shape.width, probability: shape.probability)
        let dropout = Reference.Dropout(mask: mask)
        switch form {
        case .post:
            let layer = Reference.PostNormResidual(function: function, norm: norm, dropout: dropout)
            expectGradients(of: layer, rows: shape.rows, columns: shape.width, parameters: parameters)
        case .pre:
            let layer = Reference.PreNormResidual(
                function: function, norm: Reference.Scaled(norm, by: 0.6), dropout: dropout)
            expectGradients(of: layer, rows: shape.rows, columns: shape.width, parameters: parameters)
        case .peri:
            let outputNorm = try Reference.LayerNorm("output_norm", width: shape.width, epsilon: 1e-6, parameters)
            let layer = Reference.PeriNormResidual(
                function: function, norm: norm, outputNorm: outputNorm, dropout: dropout)
            expectGradients(of: layer, rows: shape.rows, columns: shape.width, parameters: parameters)
        }
    }

    @Test("Detection head", arguments: [(1, 3, 1.0), (5, 4, 0.25)])
    func detectionHead(rows: Int, width: Int, multiplier: Double) throws {
        let parameters = Reference.Parameters(drawnFrom: 9)
        let layer = try Reference.DetectionHead(.tiny(hidden: width), multiplier: multiplier, parameters)
        expectGradients(of: layer, rows: rows, columns: width, parameters: parameters)
    }
}
