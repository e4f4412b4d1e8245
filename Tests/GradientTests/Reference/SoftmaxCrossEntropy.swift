import Foundation

extension Reference {
    /// `weight · Σ −log softmax(logits)[target]` over rows; the mean unless a weight is given.
    struct SoftmaxCrossEntropy {
        let targets: [Int]
        let weight: Double
        /// What each row's term is multiplied with, a constant to the gradient; nil: 1.
        var factors: [Double]?
        private var probabilities = Matrix(zeros: 0, 0)

        /// - Parameter weight: of each row, `1 / rows` by default. A part of a larger batch gives one over the rows of
        ///   the whole batch, so that the losses of the parts sum to the mean.
        init(targets: [Int], weight: Double? = nil) {
            self.targets = targets
            self.weight = weight ?? 1 / Double(max(targets.count, 1))
        }

        mutating func forward(_ logits: Matrix) -> Double {
            precondition(logits.rows == targets.count)
            probabilities = logits
            var sum = 0.0
            for (row, target) in targets.enumerated() {
                let largest = logits.row(row).max() ?? 0
                let total = logits.row(row).reduce(0) { $0 + exp($1 - largest) }
                let logTotal = largest + log(total)
                for c in 0..<logits.columns { probabilities[row, c] = exp(logits[row, c] - logTotal) }
                sum += (factors?[row] ?? 1) * (logTotal - logits[row, target])
            }
            return weight * sum
        }

        /// The gradient of the logits: `upstream · weight · (softmax − one-hot)`.
        func backward(upstream: Double) -> Matrix {
            var gradient = probabilities
            for (row, target) in targets.enumerated() {
                gradient[row, target] -= 1
                for c in 0..<gradient.columns { gradient[row, c] *= factors?[row] ?? 1 }
            }
            return (upstream * weight) * gradient
        }
    }
}
