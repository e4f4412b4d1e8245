extension Kernels {
    /// `target ← (sources[0] + sources[1] + …) / n`, added in their order. `target` may be one of them.
    public static func mean(_ sources: [UnsafePointer<Float>], into target: UnsafeMutablePointer<Float>, count: Int) {
        let share = 1 / Float(sources.count)
        each(count) { i in
            var sum = load(sources[0], i)
            for source in sources.dropFirst() { sum += load(source, i) }
            store(sum * share, target, i)
        } single: { i in
            var sum = sources[0][i]
            for source in sources.dropFirst() { sum += source[i] }
            target[i] = sum * share
        }
    }

    /// Nesterov's step from where replicas met last by the way to their mean (`torch.optim.SGD`, `nesterov`, with the gradient
    /// `anchor − mean`): `momentum ← decay·momentum + gradient`, `target ← anchor − learningRate·(gradient + decay·momentum)`.
    /// `target` may be one of the sources. What no replica has moved stays what it was, to the bit: the mean of equal numbers may
    /// be rounded to another.
    public static func outerStep(
        _ sources: [UnsafePointer<Float>], anchor: UnsafePointer<Float>, momentum: UnsafeMutablePointer<Float>,
        into target: UnsafeMutablePointer<Float>, count: Int, learningRate: Float, decay: Float
    ) {
        let share = 1 / Float(sources.count)
        each(count) { i in
            let base = load(anchor, i)
            var sum = load(sources[0], i)
            var isSame = sum .== base
            for source in sources.dropFirst() {
                let value = load(source, i)
                sum += value
                isSame .&= value .== base
            }
            let gradient = (base - sum * share).replacing(with: 0, where: isSame)
            let average = load(momentum, i) * decay + gradient
            store(average, momentum, i)
            store(base - (gradient + average * decay) * learningRate, target, i)
        } single: { i in
            var sum = sources[0][i]
            for source in sources.dropFirst() { sum += source[i] }
            let gradient = sources.allSatisfy { $0[i] == anchor[i] } ? 0 : anchor[i] - sum * share
            momentum[i] = momentum[i] * decay + gradient
            target[i] = anchor[i] - (gradient + momentum[i] * decay) * learningRate
        }
    }

    @inline(__always)
    private static func each(_ count: Int, _ body: (Int) -> Void, single: (Int) -> Void) {
        let whole = count / vectorWidth * vectorWidth
        for i in Swift.stride(from: 0, to: whole, by: vectorWidth) { body(i) }
        for i in whole..<count { single(i) }
    }
}
