import Foundation
import Kernels
import TestSupport
import Testing

@Suite("Softmax and cross-entropy")
struct SoftmaxCrossEntropyTests {
    @Test("Loss, best class and gradient", arguments: [1, 2, 7, 8, 9, 33, 511, 512, 513, 1500, 4099])
    func matchesPlain(count: Int) {
        var random = SplitMix64(seed: UInt64(count))
        for scale in [1, 10, 100] as [Float] {
            let logits = GuardedMatrix(1, count, scale: scale, random: &random)
            let bias = GuardedMatrix(1, count, random: &random)
            let target = Int.random(in: 0..<count, using: &random)
            let sums = (0..<count).map { Double(logits[0, $0] + bias[0, $0]) }
            let top = sums.max()!
            let total = sums.reduce(0) { $0 + exp($1 - top) }
            let loss = log(total) + top - sums[target]
            let gradient = sums.enumerated().map { index, value in
                0.3 * (exp(value - top) / total - (index == target ? 1 : 0))
            }
            let biasGradient = GuardedMatrix(1, count, random: &random)
            let expectedBias = zip(biasGradient.values, gradient).map { $0 + $1 }
            let evaluated = logits.copy()
            let uniform = random.uniform()
            let outcome = Kernels.softmaxCrossEntropy(
                logits.base, bias: bias.base, classCount: count, target: Int32(target), uniform: uniform,
                gradient: .init(scale: 0.3, bias: biasGradient.base))
            #expect(abs(outcome.loss - loss) <= 2e-7 * max(1, loss))
            #expect(Int(outcome.best) == sums.firstIndex(of: top))
            // Relative to the scale: p − 1 cancels where the target is nearly certain.
            #expect(zip(logits.values, gradient).allSatisfy { abs($0 - $1) < 1e-6 * 0.3 })
            #expect(count > 1 || logits[0] == 0)
            #expect(relativeError(biasGradient.values, expectedBias) < 2e-6)
            let again = Kernels.softmaxCrossEntropy(
                evaluated.base, bias: bias.base, classCount: count, target: Int32(target), uniform: uniform,
                gradient: nil)
            #expect(again.loss == outcome.loss && again.sampled == outcome.sampled && again.best == outcome.best)
            #expect([logits, bias, biasGradient, evaluated].allSatisfy { $0.isIntact })
        }
    }

    private func run(_ values: [Float], target: Int32 = 0, uniform: Double) -> Kernels.ClassificationOutcome {
        let logits = GuardedMatrix(values)
        let zero = GuardedMatrix(1, values.count) { _, _ in 0 }
        let outcome = Kernels.softmaxCrossEntropy(
            logits.base, bias: zero.base, classCount: values.count, target: target, uniform: uniform, gradient: nil)
        #expect(logits.isIntact)
        return outcome
    }

    @Test("Samples have the softmax's frequencies", arguments: [5, 8, 37, 600, 1027])
    func frequencies(count: Int) {
        var random = SplitMix64(seed: 12)
        let values = random.normals(count)
        let total = values.reduce(0) { $0 + exp(Double($1)) }
        let draws = 60_000
        let philox = Philox(seed: 4, purpose: .sampling)
        var counts = [Int](repeating: 0, count: count)
        for draw in 0..<draws {
            counts[Int(run(values, uniform: philox.uniform(step: 7, position: draw)).sampled)] += 1
        }
        let chiSquare = zip(counts, values).reduce(0.0) { sum, pair in
            let expected = Double(draws) * exp(Double(pair.1)) / total
            return sum + (Double(pair.0) - expected) * (Double(pair.0) - expected) / expected
        }
        let freedom = Double(count - 1)
        #expect(abs(chiSquare - freedom) < 4.5 * (2 * freedom).squareRoot())
    }

    @Test("A sample inverts the cumulative distribution", arguments: [9, 700])
    func inversion(count: Int) {
        // Equal weights: class ⌊u·count⌋.
        let values = [Float](repeating: -3, count: count)
        for index in 0..<count {
            #expect(Int(run(values, uniform: (Double(index) + 0.5) / Double(count)).sampled) == index)
        }
    }

    @Test("Edges of the uniform never draw a class without probability", arguments: [3, 8, 16, 41, 1024, 1600])
    func edges(count: Int) {
        let last = 1 - 0x1p-53
        for possible in [0, 1, count / 2, count - 2, count - 1] where possible < count {
            var values = [Float](repeating: -.infinity, count: count)
            values[possible] = 12
            for uniform in [0, 0x1p-53, 0.5, last] {
                #expect(Int(run(values, target: Int32(possible), uniform: uniform).sampled) == possible)
            }
        }
        // Weights of very different size, and none at the end, where rounding leaves remainders.
        var random = SplitMix64(seed: UInt64(count))
        for _ in 0..<200 {
            let values = (0..<count).map { index in
                index > count * 2 / 3 ? -Float.infinity : Float(-60 * random.uniform())
            }
            for uniform in [0, last] {
                let outcome = run(values, uniform: uniform)
                #expect(values[Int(outcome.sampled)] > -.infinity)
            }
        }
    }

    @Test("Extreme logits")
    func extremes() {
        let far = run([0, 1e4, -1e4, 3e38, 0, 0, 0, 0, 0], target: 2, uniform: 0.9)
        #expect(far.best == 3 && far.sampled == 3 && far.loss > 2.9e38)
        let certain = run([1e4, 0, 0], target: 0, uniform: 0.5)
        #expect(certain.loss == 0)
        let equal = run([Float](repeating: 7, count: 19), target: 5, uniform: 0.5)
        #expect(abs(equal.loss - log(19)) < 1e-12 && equal.best == 0)
        // Overflow and what is not a number show in the loss, and the classes stay in range.
        for value in [Float.infinity, .nan] {
            for place in [0, 3, 18] {
                var values = [Float](repeating: 1, count: 19)
                values[place] = value
                let outcome = run(values, target: 5, uniform: 0.5)
                #expect(!outcome.loss.isFinite)
                #expect((0..<19).contains(outcome.sampled) && (0..<19).contains(outcome.best))
            }
        }
        let nothing = run([Float](repeating: .nan, count: 16), target: 5, uniform: 0.5)
        #expect(nothing.loss.isNaN && (0..<16).contains(nothing.sampled) && (0..<16).contains(nothing.best))
    }
}

@Suite("Binary cross-entropy")
struct BinaryCrossEntropyTests {
    @Test("Loss and gradient", arguments: [true, false])
    func matchesPlain(label: Bool) {
        for z in stride(from: Float(-30), through: 30, by: 0.37) {
            let probability = 1 / (1 + exp(-Double(z)))
            // log(1 − σ(z)) as log σ(−z), which does not cancel.
            let loss = label ? log1p(exp(-Double(z))) : log1p(exp(Double(z)))
            #expect(abs(Kernels.binaryCrossEntropy(logit: z, label: label) - loss) <= 1e-14 + 1e-13 * loss)
            let gradient = Kernels.binaryCrossEntropyGradient(logit: z, label: label)
            #expect(abs(Double(gradient) - (probability - (label ? 1 : 0))) < 1e-7)
        }
    }

    @Test("Extremes neither overflow nor hide")
    func extremes() {
        #expect(Kernels.binaryCrossEntropy(logit: 3e38, label: true) == 0)
        #expect(Kernels.binaryCrossEntropy(logit: -3e38, label: true) == Double(Float(3e38)))
        #expect(Kernels.binaryCrossEntropyGradient(logit: -3e38, label: true) == -1)
        #expect(Kernels.binaryCrossEntropyGradient(logit: 3e38, label: true) == 0)
        #expect(Kernels.binaryCrossEntropyGradient(logit: 3e38, label: false) == 1)
        #expect(Kernels.binaryCrossEntropy(logit: .nan, label: true).isNaN)
        #expect(Kernels.binaryCrossEntropyGradient(logit: .nan, label: false).isNaN)
        #expect(!Kernels.binaryCrossEntropy(logit: .infinity, label: false).isFinite)
    }
}
