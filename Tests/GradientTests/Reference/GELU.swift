import Foundation

extension Reference {
    /// `y = x · Φ(x)` with the exact normal distribution function (arXiv 1606.08415).
    struct GELU: Layer {
        private var input = Matrix(zeros: 0, 0)

        mutating func forward(_ input: Matrix) -> Matrix {
            self.input = input
            var output = input
            for (index, x) in input.values.enumerated() { output.values[index] = x * Self.distribution(x) }
            return output
        }

        /// `dy/dx = Φ(x) + x · φ(x)`.
        mutating func backward(upstream: Matrix) -> Matrix {
            var inputGradient = upstream
            for (index, x) in input.values.enumerated() {
                inputGradient.values[index] *= Self.distribution(x) + x * Self.density(x)
            }
            return inputGradient
        }

        static func distribution(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }

        static func density(_ x: Double) -> Double { exp(-x * x / 2) / (2 * Double.pi).squareRoot() }
    }
}
