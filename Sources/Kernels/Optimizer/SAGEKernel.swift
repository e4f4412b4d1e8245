extension Kernels {
    /// AdamW with sensitivity-guided learning rates (Liang et al. 2022, "No Parameters Left Behind", arXiv 2202.02664,
    /// algorithm 1) in one pass over memory.
    ///
    /// The importance of a weight is what the loss would change without it, I = |θ·g|; the learning rate of the weight is
    /// multiplied by how much it varies, (|I − Î| + ε)/(Î + ε), with the smoothed Î ← β₃Î + (1 − β₃)I.
    ///
    /// As long as Î is 0 nothing is known of the weight, and its factor is 1: at the first step (where the formula says
    /// β₃/(1 − β₃) for all), and for weights that start at 0 or have had no gradient yet (which it would never move). Î then
    /// begins at the first I instead of a fraction of it.
    ///
    /// The authors' release corrects Î for its start at 0 instead, so that its first step moves nothing (I = Î); later the two
    /// agree.
    ///
    /// The gradient is cleared on the way, ready for the next step.
    ///
    /// - Parameters:
    ///   - importance: Î, `[count]`.
    ///   - importanceDecay: β₃.
    public static func sage(
        weights: UnsafeMutablePointer<Float>, gradient: UnsafeMutablePointer<Float>,
        firstMoment: UnsafeMutablePointer<Float>, secondMoment: UnsafeMutablePointer<Float>,
        importance: UnsafeMutablePointer<Float>, importanceDecay: Double, count: Int, _ c: AdamWCoefficients
    ) {
        let decay = Float(importanceDecay)
        let small = Float(1e-12)
        let whole = count / vectorWidth * vectorWidth
        for i in Swift.stride(from: 0, to: whole, by: vectorWidth) {
            let g = load(gradient, i) * c.gradientScale
            let w = load(weights, i)
            let m = (g * (1 - c.beta1)).addingProduct(load(firstMoment, i), Vector(repeating: c.beta1))
            let v = (g * g * (1 - c.beta2)).addingProduct(load(secondMoment, i), Vector(repeating: c.beta2))
            let product = w * g
            let now = product.replacing(with: -product, where: product .< 0)
            let before = load(importance, i)
            let isNew = before .== 0
            let smoothed = (now * (1 - decay)).addingProduct(before, Vector(repeating: decay))
                .replacing(with: now, where: isNew)
            let difference = now - smoothed
            let variation = difference.replacing(with: -difference, where: difference .< 0)
            let factor = ((variation + small) / (smoothed + small)).replacing(with: 1, where: isNew)
            let denominator = Vector(repeating: c.epsilon)
                .addingProduct(v.squareRoot(), Vector(repeating: c.secondMomentScale))
            store(m, firstMoment, i)
            store(v, secondMoment, i)
            store(smoothed, importance, i)
            store(
                (w * c.decayFactor).addingProduct(m / denominator * factor, Vector(repeating: -c.stepSize)), weights, i)
            store(.zero, gradient, i)
        }
        for i in whole..<count {
            let g = gradient[i] * c.gradientScale
            firstMoment[i] = (g * (1 - c.beta1)).addingProduct(firstMoment[i], c.beta1)
            secondMoment[i] = (g * g * (1 - c.beta2)).addingProduct(secondMoment[i], c.beta2)
            let now = abs(weights[i] * g)
            let isNew = importance[i] == 0
            let smoothed = isNew ? now : (now * (1 - decay)).addingProduct(importance[i], decay)
            let factor = isNew ? 1 : (abs(now - smoothed) + small) / (smoothed + small)
            importance[i] = smoothed
            let denominator = c.epsilon.addingProduct(secondMoment[i].squareRoot(), c.secondMomentScale)
            weights[i] = (weights[i] * c.decayFactor).addingProduct(
                firstMoment[i] / denominator * factor, -c.stepSize)
            gradient[i] = 0
        }
    }
}
