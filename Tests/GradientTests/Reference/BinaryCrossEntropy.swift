import Foundation

extension Reference {
    /// `weight · Σ −(label · log σ(logit) + (1 − label) · log σ(−logit))`; the mean unless a weight is given.
    struct BinaryCrossEntropy {
        let labels: [Bool]
        let weight: Double
        private var logits = Matrix(zeros: 0, 0)

        /// - Parameter weight: of each token, `1 / tokens` by default, as in `SoftmaxCrossEntropy`.
        init(labels: [Bool], weight: Double? = nil) {
            self.labels = labels
            self.weight = weight ?? 1 / Double(max(labels.count, 1))
        }

        /// - Parameter logits: `[n, 1]`.
        mutating func forward(_ logits: Matrix) -> Double {
            precondition(logits.values.count == labels.count)
            self.logits = logits
            // log(1 + e^x) without overflow.
            let softplus = { (x: Double) in max(x, 0) + log1p(exp(-abs(x))) }
            return weight * zip(logits.values, labels).reduce(0) { $0 + softplus($1.1 ? -$1.0 : $1.0) }
        }

        /// The gradient of the logits: `upstream · weight · (σ(logit) − label)`.
        func backward(upstream: Double) -> Matrix {
            var gradient = Matrix(like: logits)
            for (index, label) in labels.enumerated() {
                let belief = 1 / (1 + exp(-logits.values[index]))
                gradient.values[index] = upstream * weight * (belief - (label ? 1 : 0))
            }
            return gradient
        }
    }
}
