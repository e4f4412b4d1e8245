import Encoder
import Kernels
import Optimization
import Parametrization
import TestSupport
import Testing

@Suite("Optimizer")
struct OptimizerTests {
    /// Tensors of every role at width ratio 4, one larger than a slice.
    static let layout: ParameterLayout = {
        var builder = ParameterBuilder(initialization: .init())
        _ = builder.table("table", count: 30, width: 8)
        builder.widthRatio = 4
        _ = builder.matrix("hidden", output: 300, input: 240, role: .hidden)
        _ = builder.matrix("input", output: 24, input: 8, role: .input)
        _ = builder.matrix("readout", output: 1, input: 24, role: .readout)
        _ = builder.bias("bias", 13)
        _ = builder.norm("norm", 24)
        return builder.finished()
    }()

    static func buffer(_ seed: UInt64, scale: Float = 1) -> FloatBuffer {
        let buffer = FloatBuffer(count: layout.bufferCount)
        var random = SplitMix64(seed: seed)
        for spec in layout.specs {
            for index in 0..<spec.count { buffer.base[spec.offset + index] = scale * Float(random.normal()) }
        }
        return buffer
    }

    private func pool<Result>(_ threads: Int, _ body: (ThreadPool) -> Result) -> Result {
        let pool = ThreadPool(threadCount: threads)
        defer { pool.shutDown() }
        return body(pool)
    }

    @Test("Learning rates and decay by role, table and declaration")
    func factors() {
        var configuration = OptimizerConfiguration()
        configuration.weightDecay = 0.25
        configuration.peakLearningRate = 1
        var parametrization = ParametrizationConfiguration()
        parametrization.embeddingLearningRateMultiplier = 8
        let optimizer = Optimizer(configuration, Self.layout, parametrization: parametrization)
        let rate = 1.0 / 1024
        let weights = FloatBuffer(count: Self.layout.bufferCount)
        for spec in Self.layout.specs { for i in 0..<spec.count { weights.base[spec.offset + i] = 1 } }
        // Without a gradient only decay moves a weight: by rate · decay.
        let rates = ["table": 8.0, "hidden": 0.25, "input": 1, "readout": 1, "bias": 1, "norm.gain": 1, "norm.bias": 1]
        let decays = ["table": 0.25, "hidden": 1, "input": 0.25, "readout": 0.25]
        let gradients = FloatBuffer(count: weights.count)
        pool(2) { pool in
            optimizer.update(
                weights: weights, gradients: gradients,
                state: [FloatBuffer(count: weights.count), FloatBuffer(count: weights.count)], step: 1,
                scheduleFactor: rate, gradientScales: [1], pool: pool)
            for spec in Self.layout.specs {
                let expected = 1 - rate * rates[spec.name]! * (decays[spec.name] ?? 0)
                for i in 0..<spec.count { #expect(weights.base[spec.offset + i] == Float(expected), "\(spec.name)") }
            }
            // From zero, the first step moves by the rate against the sign.
            weights.zero()
            for spec in Self.layout.specs {
                for i in 0..<spec.count { gradients.base[spec.offset + i] = i % 2 == 0 ? 3 : -0.5 }
            }
            optimizer.update(
                weights: weights, gradients: gradients,
                state: [FloatBuffer(count: weights.count), FloatBuffer(count: weights.count)], step: 1,
                scheduleFactor: rate, gradientScales: [1], pool: pool)
        }
        for spec in Self.layout.specs {
            let expected = rate * rates[spec.name]!
            for i in 0..<spec.count {
                let moved = Double(weights.base[spec.offset + i]) / expected
                #expect(abs(moved - (i % 2 == 0 ? -1 : 1)) < 1e-5, "\(spec.name)")
            }
        }
        #expect(gradients.elements.allSatisfy { $0 == 0 })
        let used = Set(Self.layout.specs.flatMap { $0.offset..<$0.offset + $0.count })
        #expect((0..<weights.count).allSatisfy { used.contains($0) || weights.base[$0] == 0 })
    }

    /// CompleteP multiplies a branch with s = 1/m_L and gives its last matrix W epsilon · s. The optimizer holds s · W.
    @Test("A branch's multiplier is absorbed into its last matrix")
    func depthMultiplier() {
        let ratio = 4.0
        let scaling = ParameterScaling(.hidden, widthRatio: 2, depth: .branchOutput, depthRatio: ratio)
        let plain = ParameterScaling(.hidden, widthRatio: 2)
        #expect(ParameterScaling(.hidden, widthRatio: 2, depth: .branch, depthRatio: ratio).epsilon == 1.0 / 8)
        #expect(ParameterScaling(.hidden, widthRatio: 2, depth: .branch, depthRatio: ratio).learningRate == 0.5)
        func run(_ scaling: ParameterScaling, epsilon: Double, multiplier: Float, start: Float) -> [Float] {
            let weights = FloatBuffer(count: 16)
            let (gradient, first, second) = (FloatBuffer(count: 16), FloatBuffer(count: 16), FloatBuffer(count: 16))
            for i in 0..<16 { weights.base[i] = start * Float(i - 7) }
            var random = SplitMix64(seed: 3)
            for step in 1...6 {
                for i in 0..<16 { gradient.base[i] = multiplier * 1e-3 * Float(random.normal()) }
                Kernels.adamW(
                    weights: weights.base, gradient: gradient.base, firstMoment: first.base, secondMoment: second.base,
                    count: 16,
                    .init(
                        learningRate: 0.01 * scaling.learningRate, beta1: 0.9, beta2: 0.98, epsilon: epsilon,
                        weightDecay: 0.5 * scaling.weightDecay, step: step, biasCorrection: true, gradientScale: 1))
            }
            return (0..<16).map { weights.base[$0] * multiplier }
        }
        // The gradient of W is s times that of s · W, which the branch's output makes.
        let s = Float(1 / ratio)
        let epsilon = 1e-3
        let explicit = run(plain, epsilon: epsilon / 2 / ratio, multiplier: s, start: 0.1)
        let absorbed = run(
            scaling, epsilon: epsilon * scaling.epsilon, multiplier: 1,
            start: 0.1 * Float(scaling.initialization / plain.initialization))
        for (a, b) in zip(explicit, absorbed) { #expect(abs(a - b) < 1e-6 * max(1, abs(b)), "\(a) \(b)") }
        #expect(explicit != run(plain, epsilon: epsilon, multiplier: 1, start: 0.1))
    }

    @Test("Weights and norms are the same bits on 1, 2 and 3 threads")
    func threads() {
        func run(_ threads: Int) -> ([UInt32], [Double]) {
            pool(threads) { pool in
                let weights = Self.buffer(1)
                let first = FloatBuffer(count: weights.count)
                let second = FloatBuffer(count: weights.count)
                let optimizer = Optimizer(.init(), Self.layout, parametrization: .init())
                var norms: [Double] = []
                for step in 1...3 {
                    let lanes = (0..<4).map { Self.buffer(UInt64(10 * step + $0), scale: 0.1) }
                    let norm = LaneGradients.total(LaneGradients(Self.layout, lanes: lanes).merge(pool: pool))
                    norms.append(norm)
                    optimizer.update(
                        weights: weights, gradients: lanes[0], state: [first, second], step: step,
                        scheduleFactor: 1, gradientScales: [LaneGradients.clipFactor(norm: norm, limit: 1)], pool: pool)
                }
                return ([weights, first, second].flatMap { $0.elements.map(\.bitPattern) }, norms)
            }
        }
        let one = run(1)
        for threads in [2, 3] {
            let other = run(threads)
            #expect(other.0 == one.0 && other.1 == one.1)
        }
    }

    @Test("Merging sums lanes in order, clears them and measures the norm", arguments: 1...3)
    func merge(threads: Int) {
        let lanes = (0..<3).map { Self.buffer(UInt64($0)) }
        let expected = (0..<Self.layout.bufferCount).map { (lanes[0].base[$0] + lanes[1].base[$0]) + lanes[2].base[$0] }
        let norm = pool(threads) { LaneGradients.total(LaneGradients(Self.layout, lanes: lanes).merge(pool: $0)) }
        #expect(lanes[0].elements.map(\.bitPattern) == expected.map(\.bitPattern))
        #expect(lanes[1].elements.allSatisfy { $0 == 0 } && lanes[2].elements.allSatisfy { $0 == 0 })
        let exact = expected.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(abs(norm - exact) < 1e-7 * exact)
    }

    @Test("What is not finite is found by name and index", arguments: [Float.nan, .infinity])
    func nonFinite(value: Float) throws {
        let lanes = (0..<2).map { Self.buffer(UInt64($0)) }
        let spec = try #require(Self.layout["readout"])
        lanes[1].base[spec.offset + 5] = value
        #expect(pool(2) { !LaneGradients.total(LaneGradients(Self.layout, lanes: lanes).merge(pool: $0)).isFinite })
        let found = try #require(Self.layout.firstNonFinite(in: lanes[0]))
        #expect(Self.layout.specs[found.tensor].name == "readout" && found.index == 5)
        #expect(Self.layout.firstNonFinite(in: lanes[1]) == nil)
    }

    @Test("Large finite gradients have a finite norm, so that clipping tames them")
    func largeGradients() {
        let lane = Self.buffer(1, scale: 1e25)
        let norm = pool(1) { LaneGradients.total(LaneGradients(Self.layout, lanes: [lane]).merge(pool: $0)) }
        #expect(norm.isFinite && norm > 1e25)
        #expect(Self.layout.firstNonFinite(in: lane) == nil)
    }

    @Test("Clipping limits the norm, never raises it, and can be off")
    func clipping() {
        #expect(LaneGradients.clipFactor(norm: 4, limit: 1) == 0.25)
        #expect(LaneGradients.clipFactor(norm: 1, limit: 1) == 1)
        #expect(LaneGradients.clipFactor(norm: 0.1, limit: 1) == 1)
        #expect(LaneGradients.clipFactor(norm: 0, limit: 1) == 1)
        #expect(LaneGradients.clipFactor(norm: 100, limit: 0) == 1)
    }
}
