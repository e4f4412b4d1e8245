import Foundation

extension Kernels {
    /// What `softmaxCrossEntropy` found for one row.
    public struct ClassificationOutcome: Sendable {
        /// −log p(target), in nats.
        public var loss: Double
        /// The most probable class.
        public var best: Int32
        /// A class drawn from the softmax.
        public var sampled: Int32
    }

    /// The gradient that `softmaxCrossEntropy` is to leave behind.
    public struct ClassificationGradient {
        let scale: Float
        let bias: UnsafeMutablePointer<Float>

        /// - Parameters:
        ///   - scale: weight of the row's loss in the total.
        ///   - bias: `[classCount]`, to which the gradient of the bias is added.
        public init(scale: Float, bias: UnsafeMutablePointer<Float>) {
            self.scale = scale
            self.bias = bias
        }
    }

    /// Softmax, cross-entropy, a sample and the gradient of one row of logits, while the row is in the cache.
    ///
    /// The sample inverts the cumulative distribution at `uniform`, which draws from the same distribution as the
    /// Gumbel-max trick of ELECTRA's release at one random number per row instead of one per class.
    ///
    /// - Parameters:
    ///   - logits: `[classCount]`; overwritten with `scale · (softmax − onehot(target))` if a gradient is wanted, with
    ///     unnormalised probabilities otherwise.
    ///   - bias: `[classCount]`, added to the logits first.
    ///   - uniform: in [0, 1).
    ///   - gradient: how the loss is weighted, and where the gradient of the bias is added up.
    public static func softmaxCrossEntropy(
        _ logits: UnsafeMutablePointer<Float>, bias: UnsafePointer<Float>, classCount: Int, target: Int32,
        uniform: Double, gradient: ClassificationGradient?
    ) -> ClassificationOutcome {
        Profile.enter(.classification)
        defer { Profile.leave(flops: 30 * classCount, floats: (gradient == nil ? 3 : 5) * classCount) }
        let top = addBiasFindingHighest(logits, bias, classCount)
        let targetLogit = logits[Int(target)]
        let best = firstIndex(of: top, in: logits, classCount)
        let total = exponentiate(logits, classCount, top)
        let sampled = sample(logits, classCount, total, uniform)
        if let gradient {
            writeGradient(
                logits, classCount, factor: gradient.scale / Float(total), target: target, scale: gradient.scale,
                bias: gradient.bias)
        }
        return ClassificationOutcome(
            loss: log(total) + Double(top) - Double(targetLogit), best: Int32(best), sampled: sampled)
    }

    /// `logits ← logits + bias`; returns the highest.
    static func addBiasFindingHighest(
        _ logits: UnsafeMutablePointer<Float>, _ bias: UnsafePointer<Float>, _ count: Int
    ) -> Float {
        let whole = count / vectorWidth * vectorWidth
        var highest = Vector(repeating: -.infinity)
        for i in Swift.stride(from: 0, to: whole, by: vectorWidth) {
            let value = load(logits, i) + load(bias, i)
            store(value, logits, i)
            highest = maximum(highest, value)
        }
        var top = maximum(highest)
        for i in whole..<count {
            logits[i] += bias[i]
            top = max(top, logits[i])
        }
        return top
    }

    /// `powers ← factor · powers − scale · onehot(target)`, the gradient of the logits, also added to that of the bias.
    static func writeGradient(
        _ powers: UnsafeMutablePointer<Float>, _ count: Int, factor: Float, target: Int32, scale: Float,
        bias: UnsafeMutablePointer<Float>
    ) {
        let whole = count / vectorWidth * vectorWidth
        for i in Swift.stride(from: 0, to: whole, by: vectorWidth) {
            let slope = load(powers, i) * factor
            store(slope, powers, i)
            store(load(bias, i) + slope, bias, i)
        }
        for i in whole..<count {
            powers[i] *= factor
            bias[i] += powers[i]
        }
        powers[Int(target)] -= scale
        bias[Int(target)] -= scale
    }

    /// `values ← e^(values − top)`; returns their sum.
    static func exponentiate(_ values: UnsafeMutablePointer<Float>, _ count: Int, _ top: Float) -> Double {
        let whole = count / vectorWidth * vectorWidth
        var total = 0.0
        for block in Swift.stride(from: 0, to: whole, by: sumBlock) {
            var partial = Vector.zero
            for i in Swift.stride(from: block, to: min(block + sumBlock, whole), by: vectorWidth) {
                let power = exponential(load(values, i) - top)
                partial += power
                store(power, values, i)
            }
            total += Double(sum(partial))
        }
        for i in whole..<count {
            values[i] = exp(values[i] - top)
            total += Double(values[i])
        }
        return total
    }

    /// Values whose sum is kept in single precision before it joins the total in double precision.
    static var sumBlock: Int { 512 }

    static func firstIndex(of value: Float, in values: UnsafePointer<Float>, _ count: Int) -> Int {
        let whole = count / vectorWidth * vectorWidth
        var i = 0
        while i < whole, !any(load(values, i) .== value) { i += vectorWidth }
        while i < count, values[i] != value { i += 1 }
        return min(i, count - 1)
    }

    /// The class at which the cumulative sum of `weights` passes `uniform · total`.
    private static func sample(
        _ weights: UnsafePointer<Float>, _ count: Int, _ total: Double, _ uniform: Double
    ) -> Int32 {
        let whole = count / vectorWidth * vectorWidth
        var remaining = uniform * total
        var i = 0
        while i < whole {
            var partial = Vector.zero
            let end = min(i + sumBlock, whole)
            for at in Swift.stride(from: i, to: end, by: vectorWidth) { partial += load(weights, at) }
            let blockSum = Double(sum(partial))
            if blockSum > remaining { break }
            remaining -= blockSum
            i = end
        }
        var last = min(i, count - 1)
        while i < count {
            let weight = Double(weights[i])
            if weight > 0 { last = i }
            if weight > remaining { return Int32(i) }
            remaining -= weight
            i += 1
        }
        // Rounding can leave a remainder behind the last class.
        return Int32(last)
    }
}
