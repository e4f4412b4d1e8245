import Kernels
import TestSupport
import Testing

@Suite("Optimizer kernels")
struct OptimizerKernelTests {
    @Test("AdamW against plain Double, several steps", arguments: [1, 7, 8, 29, 64], [true, false])
    func adamW(count: Int, biasCorrection: Bool) {
        for (beta1, beta2, isCautious) in [
            (0.9, 0.999, false), (0.9, 0.98, true), (0, 0.9999999, false), (0.5, 0, true),
        ] {
            var random = SplitMix64(seed: UInt64(count))
            let weights = GuardedMatrix(1, count, random: &random)
            let first = GuardedMatrix(1, count) { _, _ in 0 }
            let second = GuardedMatrix(1, count) { _, _ in 0 }
            var (w, m, v) = (weights.values, first.values, second.values)
            for step in 1...5 {
                let gradient = GuardedMatrix(1, count, scale: step == 3 ? 1e-6 : 2, random: &random)
                let coefficients = Kernels.AdamWCoefficients(
                    learningRate: 0.01, beta1: beta1, beta2: beta2, epsilon: 1e-6, weightDecay: 0.1,
                    decaysCautiously: isCautious, step: step, biasCorrection: biasCorrection, gradientScale: 0.5)
                var (power1, power2) = (1.0, 1.0)
                for _ in 0..<step { (power1, power2) = (power1 * beta1, power2 * beta2) }
                for i in 0..<count {
                    let g = gradient[i] * 0.5
                    m[i] = beta1 * m[i] + (1 - beta1) * g
                    v[i] = beta2 * v[i] + (1 - beta2) * g * g
                    let correction1 = biasCorrection ? 1 - power1 : 1
                    let correction2 = biasCorrection ? 1 - power2 : 1
                    // A weight that the update moves away from zero keeps its size.
                    if !isCautious || m[i] * w[i] >= 0 { w[i] *= 1 - 0.01 * 0.1 }
                    w[i] -= 0.01 * (m[i] / correction1) / ((v[i] / correction2).squareRoot() + 1e-6)
                }
                Kernels.adamW(
                    weights: weights.base, gradient: gradient.base, firstMoment: first.base, secondMoment: second.base,
                    count: count, coefficients)
                #expect(gradient.floats.allSatisfy { $0 == 0 })
                #expect(gradient.isIntact)
            }
            if biasCorrection || beta2 != 0.9999999 {
                // Without correction the difference between 1 − 0.999 and that of its Float, 1.3e-5, remains.
                #expect(
                    relativeError(weights.values + [1], w + [1]) < (biasCorrection ? 1e-6 : 1e-5),
                    "β = \(beta1), \(beta2)")
            }
            #expect([weights, first, second].allSatisfy { $0.isIntact })
        }
    }

    @Test("A constant gradient moves by the learning rate, whatever β₂", arguments: [0.9, 0.999, 0.99999, 0.9999999])
    func constantGradient(beta2: Double) {
        // With bias correction both moments estimate the gradient exactly, so the first update is −LR · sign(g).
        for step in 1...3 {
            let weights = GuardedMatrix([0, 0, 0])
            let gradient = GuardedMatrix([0.5, -2, 1e-3])
            let first = GuardedMatrix([0, 0, 0])
            let second = GuardedMatrix([0, 0, 0])
            for step in 1...step {
                gradient[0, 0] = 0.5
                gradient[0, 1] = -2
                gradient[0, 2] = 1e-3
                Kernels.adamW(
                    weights: weights.base, gradient: gradient.base, firstMoment: first.base, secondMoment: second.base,
                    count: 3,
                    .init(
                        learningRate: 0.125, beta1: 0.9, beta2: beta2, epsilon: 1e-12, weightDecay: 0, step: step,
                        biasCorrection: true, gradientScale: 1))
            }
            let moved = 0.125 * Double(step)
            #expect(relativeError(weights.values, [-moved, moved, -moved]) < 1e-6)
        }
    }

    @Test("Bias correction far into a run", arguments: [1 << 20, 1 << 33, Int.max])
    func farSteps(step: Int) {
        let c = Kernels.AdamWCoefficients(
            learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-6, weightDecay: 0.1, step: step,
            biasCorrection: true, gradientScale: 1)
        #expect(c.stepSize == 0.01 && c.secondMomentScale == 1)
    }

    /// In which order up to five buffers are summed: one after another, and as a tree.
    static let orders: [[[Int]]] = [
        [], [[0, 1]], [[0, 1], [0, 2]], [[2, 3], [0, 1], [0, 2]], [[0, 1], [2, 3], [0, 2], [0, 4]],
    ]

    @Test(
        "Merged gradients are sums in the order that is asked for, to the bit", arguments: orders,
        [1, 8, 1023, 1024, 2500])
    func merge(order: [[Int]], count: Int) {
        let sources = order.count + 1
        var random = SplitMix64(seed: UInt64(sources * count))
        let buffers = (0..<sources).map { _ in GuardedMatrix(1, count, random: &random) }
        let expected: [Float] = (0..<count).map { index in
            var values = buffers.map { Float($0[0, index]) }
            for pair in order { values[pair[0]] += values[pair[1]] }
            return values[0]
        }
        let squares = Kernels.mergeGradients(
            buffers.map(\.base), order: order.map { ($0[0], $0[1]) }, count: count)
        #expect(buffers[0].bits == expected.map(\.bitPattern))
        #expect(buffers.dropFirst().allSatisfy { $0.floats.allSatisfy { $0 == 0 } })
        let exact = expected.reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(squares - exact) < 1e-6 * exact)
        #expect(buffers.allSatisfy { $0.isIntact })
    }

    @Test("Moved gradients are added and leave zeros", arguments: [1, 8, 1023])
    func move(count: Int) {
        var random = SplitMix64(seed: UInt64(count))
        let (source, target) = (GuardedMatrix(1, count, random: &random), GuardedMatrix(1, count, random: &random))
        let expected = zip(target.floats, source.floats).map(+)
        Kernels.moveGradients(source.base, into: target.base, count: count)
        #expect(target.bits == expected.map(\.bitPattern))
        #expect(source.floats.allSatisfy { $0 == 0 } && source.isIntact && target.isIntact)
    }

    @Test("What is not finite shows in the norm", arguments: [Float.nan, .infinity, -.infinity], [0, 8, 1030, 1032])
    func mergeNonFinite(value: Float, place: Int) {
        let buffers = (0..<3).map { _ in GuardedMatrix(1, 1033) { _, _ in 0.5 } }
        // An array keeps its elements until it is last used, not until the end of the scope.
        defer { withExtendedLifetime(buffers) {} }
        buffers[1][0, place] = value
        #expect(!Kernels.mergeGradients(buffers.map(\.base), order: [(0, 1), (0, 2)], count: 1033).isFinite)
    }

    @Test("Finite gradients have a finite norm, however large", arguments: [1, 8, 1033])
    func mergeLarge(count: Int) {
        let buffer = GuardedMatrix(1, count) { _, _ in 1e30 }
        let squares = Kernels.mergeGradients([buffer.base], order: [], count: count)
        #expect(abs(squares / (Double(count) * 1e60) - 1) < 1e-6)
    }
}
