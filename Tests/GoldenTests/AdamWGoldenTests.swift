import Encoder
import Interchange
import Kernels
import Optimization
import Parametrization
import TestSupport
import Testing

/// AdamW with clipping against `torch.optim.AdamW` and `clip_grad_norm_` in double precision.
@Suite("Golden: AdamW")
struct AdamWGoldenTests {
    private func number(_ file: SafetensorsFile, _ key: String) throws -> Double {
        let text = try #require(file.header.metadata[key])
        return try #require(Double(text))
    }

    @Test("The kernel, tensor by tensor") func kernel() throws {
        let file = try Fixture.open("adamw")
        let rates = try file.doubles(of: "learning_rates")
        let norms = try file.doubles(of: "gradient_norms")
        let names = file.names.filter { $0.hasPrefix("initial.") }.map { String($0.dropFirst("initial.".count)) }
        #expect(names.count == 3)
        let limit = try number(file, "maximum_gradient_norm")
        for name in names {
            let weights = GuardedMatrix(try file.floats(of: "initial.\(name)"))
            let first = GuardedMatrix(1, weights.columns) { _, _ in 0 }
            let second = GuardedMatrix(1, weights.columns) { _, _ in 0 }
            for (step, rate) in rates.enumerated() {
                let gradient = GuardedMatrix(try file.floats(of: "step\(step).gradient.\(name)"))
                Kernels.adamW(
                    weights: weights.base, gradient: gradient.base, firstMoment: first.base, secondMoment: second.base,
                    count: weights.columns,
                    .init(
                        learningRate: rate * (try file.doubles(of: "multiplier.\(name)")[0]),
                        beta1: try number(file, "beta1"), beta2: try number(file, "beta2"),
                        epsilon: try number(file, "epsilon"),
                        weightDecay: try file.doubles(of: "weight_decay.\(name)")[0], step: step + 1,
                        biasCorrection: true,
                        gradientScale: LaneGradients.clipFactor(norm: norms[step], limit: limit)))
                // PyTorch clips with norm + 1e-6; and 0.999 differs from its nearest Float by 1.3e-5 of 1 − 0.999.
                let prefix = "step\(step)"
                #expect(
                    relativeError(weights.values, try file.doubles(of: "\(prefix).parameter.\(name)")) < 1e-6)
                #expect(
                    relativeError(first.values, try file.doubles(of: "\(prefix).first_moment.\(name)")) < 2e-6)
                #expect(
                    relativeError(second.values, try file.doubles(of: "\(prefix).second_moment.\(name)")) < 2e-5)
            }
        }
    }

    @Test("The optimizer, with merging and clipping") func optimizer() throws {
        let file = try Fixture.open("adamw")
        // The fixture's tensors, as those of a tiny layout: a decaying matrix at width ratio 1, a bias that decays not.
        var builder = ParameterBuilder(initialization: .init())
        _ = builder.table("matrix", count: 3, width: 4)
        _ = builder.bias("bias", 5)
        builder.widthRatio = 2
        _ = builder.matrix("hidden", output: 2, input: 3, role: .hidden)
        let layout = builder.finished()
        var configuration = OptimizerConfiguration()
        configuration.weightDecay = 0.01
        configuration.peakLearningRate = 1
        // The table's decay is 0.01; the hidden matrix has rate 0.5 and decay 0.1 there, 0.02 here: compared alone.
        let optimizer = Optimizer(configuration, layout, parametrization: .init())
        let pool = ThreadPool(threadCount: 2)
        defer { pool.shutDown() }
        let buffers = (0..<5).map { _ in FloatBuffer(count: layout.bufferCount) }
        let (weights, gradients, first, second, lane) = (buffers[0], buffers[1], buffers[2], buffers[3], buffers[4])
        for spec in layout.specs {
            for (i, value) in try file.floats(of: "initial.\(spec.name)").enumerated() {
                weights.base[spec.offset + i] = value
            }
        }
        let rates = try file.doubles(of: "learning_rates")
        let norms = try file.doubles(of: "gradient_norms")
        for (step, rate) in rates.enumerated() {
            for spec in layout.specs {
                for (i, value) in try file.floats(of: "step\(step).gradient.\(spec.name)").enumerated() {
                    // Two lanes whose sum is the gradient, exactly.
                    gradients.base[spec.offset + i] = value / 4
                    lane.base[spec.offset + i] = value * 0.75
                }
            }
            let norm = LaneGradients.total(LaneGradients(layout, lanes: [gradients, lane]).merge(pool: pool))
            #expect(abs(norm - norms[step]) < 1e-6 * norms[step])
            optimizer.update(
                weights: weights, gradients: gradients, state: [first, second], step: step + 1,
                scheduleFactor: rate,
                gradientScales: [LaneGradients.clipFactor(norm: norm, limit: configuration.clipNorm)], pool: pool)
            let matrix = try #require(layout["matrix"])
            let actual = (0..<matrix.count).map { Double(weights.base[matrix.offset + $0]) }
            #expect(relativeError(actual, try file.doubles(of: "step\(step).parameter.matrix")) < 1e-6)
            for spec in layout.specs {
                let moment = (0..<spec.count).map { Double(first.base[spec.offset + $0]) }
                let expected = try file.doubles(of: "step\(step).first_moment.\(spec.name)")
                #expect(relativeError(moment, expected) < 2e-6)
            }
            #expect(gradients.elements.allSatisfy { $0 == 0 } && lane.elements.allSatisfy { $0 == 0 })
        }
    }
}
