import Interchange
import Kernels
import TestSupport
import Testing

/// Single operations against PyTorch in double precision.
@Suite("Golden: kernels")
struct KernelsGoldenTests {
    @Test("GELU and its derivative") func gelu() throws {
        let file = try Fixture.open("kernels")
        let inputs = try file.floats(of: "gelu.x")
        let x = GuardedMatrix(inputs)
        let padding = [Float](repeating: 0, count: (8 - inputs.count % 8) % 8)
        let values = GuardedMatrix(inputs + padding)
        let derivative = GuardedMatrix(1, values.columns)
        let zero = GuardedMatrix(1, values.columns) { _, _ in 0 }
        Kernels.addBiasGELU(values.matrix, bias: zero.base, derivative: derivative.matrix)
        let expected = try file.doubles(of: "gelu.y")
        let slopes = try file.doubles(of: "gelu.derivative")
        for index in inputs.indices {
            // Rounding of x² in the exponent of the density grows with it.
            let tolerance = 5e-7 * (1 + x[index] * x[index] / 2) * abs(expected[index]) + 1e-37
            #expect(abs(values[index] - expected[index]) <= tolerance, "gelu(\(inputs[index]))")
            #expect(abs(derivative[index] - slopes[index]) < 1e-6, "gelu′(\(inputs[index]))")
        }
    }

    @Test("Layer norm and its gradients", arguments: ["1e-12", "1e-05"])
    func layerNorm(epsilon: String) throws {
        let file = try Fixture.open("kernels")
        let width = 24
        func matrix(_ name: String) throws -> GuardedMatrix {
            let values = try file.floats(of: "layer_norm.\(name)")
            return GuardedMatrix(values.count / width, width) { values[$0 * width + $1] }
        }
        let (x, gain, bias, upstream) = try (matrix("x"), matrix("gain"), matrix("bias"), matrix("upstream"))
        let output = GuardedMatrix(x.rows, width)
        let statistics = GuardedMatrix(x.rows, 2)
        Kernels.layerNorm(
            x.matrix, gain: gain.base, bias: bias.base, epsilon: try #require(Float(epsilon)), output: output.matrix,
            statistics: statistics.base)
        let result = GuardedMatrix(x.rows, width)
        let gainGradient = GuardedMatrix(1, width) { _, _ in 0 }
        let biasGradient = GuardedMatrix(1, width) { _, _ in 0 }
        Kernels.layerNormBackward(
            upstream: upstream.matrix, x: x.matrix, statistics: statistics.base, gain: gain.base,
            gainGradient: gainGradient.base, biasGradient: biasGradient.base, result: result.matrix, accumulate: false)
        let prefix = "layer_norm.epsilon_\(epsilon)"
        let expected = try file.doubles(of: "\(prefix).y")
        let gradient = try file.doubles(of: "\(prefix).gradient.x")
        // Row by row, because their scales differ a millionfold. An offset of 300 standard deviations costs digits.
        for row in 0..<x.rows {
            let range = row * width..<(row + 1) * width
            #expect(relativeError(Array(output.values[range]), Array(expected[range])) < 1e-5, "row \(row)")
            #expect(relativeError(Array(result.values[range]), Array(gradient[range])) < 1e-5, "row \(row)")
        }
        #expect(relativeError(gainGradient.values, try file.doubles(of: "\(prefix).gradient.gain")) < 1e-5)
        #expect(relativeError(biasGradient.values, try file.doubles(of: "\(prefix).gradient.bias")) < 1e-6)
    }

    @Test("Cross-entropy, probabilities and gradient") func crossEntropy() throws {
        let file = try Fixture.open("kernels")
        let logits = try file.floats(of: "cross_entropy.logits")
        let targets = try file.integers(of: "cross_entropy.targets", as: Int32.self)
        let losses = try file.doubles(of: "cross_entropy.losses")
        let gradient = try file.doubles(of: "cross_entropy.gradient")
        let probabilities = try file.doubles(of: "cross_entropy.probabilities")
        let count = logits.count / targets.count
        for (row, target) in targets.enumerated() {
            let range = row * count..<(row + 1) * count
            let values = GuardedMatrix(Array(logits[range]))
            let zero = GuardedMatrix(1, count) { _, _ in 0 }
            let biasGradient = GuardedMatrix(1, count) { _, _ in 0 }
            let outcome = Kernels.softmaxCrossEntropy(
                values.base, bias: zero.base, classCount: count, target: target, uniform: 0.5,
                gradient: .init(scale: 1, bias: biasGradient.base))
            #expect(abs(outcome.loss - losses[row]) <= 1e-6 * max(losses[row], 1), "row \(row)")
            #expect(
                relativeError(values.values, Array(gradient[range])) < 1e-5
                    || gradient[range].allSatisfy { abs($0) < 1e-30 })
            #expect(biasGradient.bits == values.bits)
            let best = Array(probabilities[range])
            #expect(best[Int(outcome.best)] == best.max())
        }
    }

    @Test("Binary cross-entropy and gradient") func binaryCrossEntropy() throws {
        let file = try Fixture.open("kernels")
        let logits = try file.floats(of: "binary_cross_entropy.logits")
        let labels: [Int] = try file.integers(of: "binary_cross_entropy.labels")
        let losses = try file.doubles(of: "binary_cross_entropy.losses")
        let gradient = try file.doubles(of: "binary_cross_entropy.gradient")
        for index in logits.indices {
            let loss = Kernels.binaryCrossEntropy(logit: logits[index], label: labels[index] == 1)
            let slope = Kernels.binaryCrossEntropyGradient(logit: logits[index], label: labels[index] == 1)
            #expect(abs(loss - losses[index]) <= 1e-12 * losses[index] + 1e-14, "\(logits[index])")
            #expect(abs(Double(slope) - gradient[index]) <= 1e-7 * abs(gradient[index]) + 1e-12, "\(logits[index])")
        }
    }
}
