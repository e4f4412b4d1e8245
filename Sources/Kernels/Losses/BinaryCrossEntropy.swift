import Foundation

extension Kernels {
    /// Binary cross-entropy with logits, in nats: `log(1 + e^(−|z|)) + max(z, 0) − z·label`, which overflows nowhere.
    public static func binaryCrossEntropy(logit: Float, label: Bool) -> Double {
        let z = Double(logit)
        return log1p(exp(-abs(z))) + max(z, 0) - (label ? z : 0)
    }

    /// Its derivative by the logit: `σ(z) − label`.
    public static func binaryCrossEntropyGradient(logit: Float, label: Bool) -> Float {
        let z = Double(logit)
        let sigmoid = z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z))
        return Float(sigmoid - (label ? 1 : 0))
    }
}
