import Foundation

extension Kernels {
    /// What `copyGatedCrossEntropy` found for one row.
    public struct CopyGatedOutcome: Sendable {
        /// −log p(target), in nats.
        public var loss: Double
        /// The most probable class.
        public var best: Int32
        /// Derivative of the unweighted loss by the gate's logit.
        public var gateGradient: Double
    }

    /// Cross-entropy of a softmax with a copy gate (Meng et al. 2021, arXiv 2102.08473, equation 3; the all-tokens model of
    /// Clark et al. 2020, arXiv 2003.10555, section 3.4):
    ///
    ///     p(x) = 1[x = input] · σ(−gate) + σ(gate) · softmax(logits + bias)[x]
    ///
    /// - Parameters:
    ///   - logits: `[classCount]`; overwritten with the gradient if one is wanted, with unnormalised probabilities otherwise.
    ///   - bias: `[classCount]`, added to the logits first.
    ///   - input: what stands in the text and may be copied.
    ///   - gate: logit of not copying: of the belief that the input was replaced.
    ///   - gradient: how the loss is weighted, and where the gradient of the bias is added up.
    public static func copyGatedCrossEntropy(
        _ logits: UnsafeMutablePointer<Float>, bias: UnsafePointer<Float>, classCount: Int, target: Int32,
        input: Int32, gate: Float, gradient: ClassificationGradient?
    ) -> CopyGatedOutcome {
        let top = addBiasFindingHighest(logits, bias, classCount)
        let mode = firstIndex(of: top, in: logits, classCount)
        let logTarget = Double(logits[Int(target)]) - Double(top)
        let logInput = Double(logits[Int(input)]) - Double(top)
        let total = exponentiate(logits, classCount, top)
        let rewrite = logSigmoid(Double(gate))
        let copy = logSigmoid(-Double(gate))
        let generated = rewrite + logTarget - log(total)
        let isCopied = target == input
        let loss = isCopied ? -logSum(copy, generated) : -generated
        // Copying alone may make the input more probable than the softmax's first choice.
        let best = logSum(copy, rewrite + logInput - log(total)) >= rewrite - log(total) ? input : Int32(mode)
        // The part of the probability that comes from the softmax; what the gate explains, the logits need not learn.
        let share = exp(generated + loss)
        let p = exp(logTarget) / total
        let copied = exp(copy)
        let gateGradient = isCopied ? exp(copy + rewrite + loss) * (1 - p) : -copied
        if let gradient {
            let scale = Float(Double(gradient.scale) * share)
            writeGradient(
                logits, classCount, factor: Float(Double(scale) / total), target: target, scale: scale,
                bias: gradient.bias)
        }
        return CopyGatedOutcome(loss: loss, best: best, gateGradient: gateGradient)
    }

    /// log σ(x), without overflow.
    private static func logSigmoid(_ x: Double) -> Double { min(x, 0) - log1p(exp(-abs(x))) }

    /// log(eᵃ + eᵇ).
    private static func logSum(_ a: Double, _ b: Double) -> Double { max(a, b) + log1p(exp(-abs(a - b))) }
}
