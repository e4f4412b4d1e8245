import Kernels
import TestSupport
import Testing

/// Sensitivity-guided learning rates against the formulas, in double precision.
@Suite("SAGE")
struct SAGETests {
    private struct Weight {
        var value: Double
        var first = 0.0
        var second = 0.0
        var importance = 0.0

        mutating func update(_ gradient: Double, step: Int, decay: Double) {
            let (beta1, beta2, rate, epsilon) = (0.9, 0.98, 0.01, 1e-8)
            first = beta1 * first + (1 - beta1) * gradient
            second = beta2 * second + (1 - beta2) * gradient * gradient
            let now = abs(value * gradient)
            var factor = 1.0
            if importance == 0 {
                importance = now
            } else {
                importance = decay * importance + (1 - decay) * now
                factor = (abs(now - importance) + 1e-12) / (importance + 1e-12)
            }
            func power(_ base: Double) -> Double { (1...step).reduce(1) { product, _ in product * base } }
            let corrected = first / (1 - power(beta1))
            let root = (second / (1 - power(beta2))).squareRoot()
            value = value * (1 - rate * 0.1) - rate * factor * corrected / (root + epsilon)
        }
    }

    @Test("Several steps, vector and tail", arguments: [0.5, 0.7, 0.95])
    func steps(decay: Double) {
        let count = 19
        var random = SplitMix64(seed: 5)
        var expected = (0..<count).map { Weight(value: $0 == 3 ? 0 : Double(Float(random.normal()))) }
        let buffers = (0..<5).map { _ in FloatBuffer(count: count) }
        for i in 0..<count { buffers[0].base[i] = Float(expected[i].value) }
        for step in 1...6 {
            for i in 0..<count {
                // One weight has no gradient at first.
                let gradient = i == 7 && step < 3 ? 0 : Float(random.normal())
                buffers[1].base[i] = gradient
                expected[i].update(Double(gradient) * 0.5, step: step, decay: decay)
            }
            Kernels.sage(
                weights: buffers[0].base, gradient: buffers[1].base, firstMoment: buffers[2].base,
                secondMoment: buffers[3].base, importance: buffers[4].base, importanceDecay: decay, count: count,
                .init(
                    learningRate: 0.01, beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0.1, step: step,
                    biasCorrection: true, gradientScale: 0.5))
            for i in 0..<count {
                #expect(abs(Double(buffers[0].base[i]) - expected[i].value) < 2e-5, "weight \(i), step \(step)")
                #expect(buffers[1].base[i] == 0)
            }
        }
    }

    @Test("The first step is AdamW's, and weights that start at 0 leave it")
    func firstStep() {
        func run(_ sage: Bool) -> [Float] {
            var random = SplitMix64(seed: 6)
            let buffers = (0..<5).map { _ in FloatBuffer(count: 16) }
            for i in 0..<16 {
                buffers[0].base[i] = i < 4 ? 0 : Float(random.normal())
                buffers[1].base[i] = Float(random.normal())
            }
            let coefficients = Kernels.AdamWCoefficients(
                learningRate: 0.01, beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0, step: 1,
                biasCorrection: true, gradientScale: 1)
            if sage {
                Kernels.sage(
                    weights: buffers[0].base, gradient: buffers[1].base, firstMoment: buffers[2].base,
                    secondMoment: buffers[3].base, importance: buffers[4].base, importanceDecay: 0.7, count: 16,
                    coefficients)
            } else {
                Kernels.adamW(
                    weights: buffers[0].base, gradient: buffers[1].base, firstMoment: buffers[2].base,
                    secondMoment: buffers[3].base, count: 16, coefficients)
            }
            return (0..<16).map { buffers[0].base[$0] }
        }
        #expect(run(true) == run(false))
        #expect(run(true)[..<4].allSatisfy { $0 != 0 })
    }
}
