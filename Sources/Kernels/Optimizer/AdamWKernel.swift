extension Kernels {
    /// The numbers of one AdamW update that hold for a whole tensor.
    public struct AdamWCoefficients: Sendable {
        public var beta1: Float
        public var beta2: Float
        public var epsilon: Float
        /// 1 − LR · decay, which multiplies the weights first.
        public var decayFactor: Float
        /// LR / (1 − β₁ᵗ), or LR without bias correction.
        public var stepSize: Float
        /// 1 / √(1 − β₂ᵗ), or 1 without bias correction.
        public var secondMomentScale: Float
        /// What gradients are multiplied with first: the clip factor.
        public var gradientScale: Float
        /// Whether weights that the update moves away from zero do not decay.
        public var decaysCautiously: Bool

        public init(
            learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double,
            decaysCautiously: Bool = false, step: Int, biasCorrection: Bool, gradientScale: Double
        ) {
            // Of the rounded betas, which the moments decay by: 0.9999999 is 20 % further from 1 than its Float.
            func power(_ base: Float) -> Double {
                var result = 1.0
                var factor = Double(base)
                var exponent = step
                while exponent > 0 {
                    if exponent & 1 == 1 { result *= factor }
                    factor *= factor
                    exponent >>= 1
                }
                return result
            }
            self.beta1 = Float(beta1)
            self.beta2 = Float(beta2)
            self.epsilon = Float(epsilon)
            decayFactor = Float(1 - learningRate * weightDecay)
            stepSize = Float(biasCorrection ? learningRate / (1 - power(self.beta1)) : learningRate)
            secondMomentScale = Float(biasCorrection ? 1 / (1 - power(self.beta2)).squareRoot() : 1)
            self.gradientScale = Float(gradientScale)
            self.decaysCautiously = decaysCautiously && decayFactor != 1
        }
    }

    /// One AdamW step (Loshchilov & Hutter 2019, arXiv 1711.05101; `torch.optim.AdamW`) in one pass over memory.
    ///
    /// The gradient is cleared on the way, ready for the next step.
    public static func adamW(
        weights: UnsafeMutablePointer<Float>, gradient: UnsafeMutablePointer<Float>,
        firstMoment: UnsafeMutablePointer<Float>, secondMoment: UnsafeMutablePointer<Float>, count: Int,
        _ c: AdamWCoefficients
    ) {
        Profile.enter(.update)
        defer { Profile.leave(flops: 16 * count, floats: 8 * count) }
        if c.decaysCautiously {
            decayCautiously(weights, gradient: gradient, firstMoment: firstMoment, count: count, c)
        }
        let decayFactor = c.decaysCautiously ? 1 : c.decayFactor
        let whole = count / vectorWidth * vectorWidth
        for i in Swift.stride(from: 0, to: whole, by: vectorWidth) {
            let g = load(gradient, i) * c.gradientScale
            let m = (g * (1 - c.beta1)).addingProduct(load(firstMoment, i), Vector(repeating: c.beta1))
            let v = (g * g * (1 - c.beta2)).addingProduct(load(secondMoment, i), Vector(repeating: c.beta2))
            let denominator = Vector(repeating: c.epsilon)
                .addingProduct(v.squareRoot(), Vector(repeating: c.secondMomentScale))
            let update = m / denominator
            store(m, firstMoment, i)
            store(v, secondMoment, i)
            store(
                (load(weights, i) * decayFactor).addingProduct(update, Vector(repeating: -c.stepSize)), weights, i)
            store(.zero, gradient, i)
        }
        for i in whole..<count {
            let g = gradient[i] * c.gradientScale
            firstMoment[i] = (g * (1 - c.beta1)).addingProduct(firstMoment[i], c.beta1)
            secondMoment[i] = (g * g * (1 - c.beta2)).addingProduct(secondMoment[i], c.beta2)
            let denominator = c.epsilon.addingProduct(secondMoment[i].squareRoot(), c.secondMomentScale)
            weights[i] = (weights[i] * decayFactor).addingProduct(firstMoment[i] / denominator, -c.stepSize)
            gradient[i] = 0
        }
    }

    /// Decays the weights that an AdamW update is about to move towards zero or past it, whose sign is that of the new first
    /// moment, and leaves the others ("Cautious Weight Decay", arXiv 2510.12402, algorithm 1).
    static func decayCautiously(
        _ weights: UnsafeMutablePointer<Float>, gradient: UnsafeMutablePointer<Float>,
        firstMoment: UnsafeMutablePointer<Float>, count: Int, _ c: AdamWCoefficients
    ) {
        for i in 0..<count {
            let g = gradient[i] * c.gradientScale
            let moment = (g * (1 - c.beta1)).addingProduct(firstMoment[i], c.beta1)
            weights[i] *= moment * weights[i] >= 0 ? c.decayFactor : 1
        }
    }
}
