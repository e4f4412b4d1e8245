extension Reference {
    /// `y = gain · x / √(mean(x²) + ε)` over each row (arXiv 1910.07467).
    struct RMSNorm: Layer {
        let width: Int
        let epsilon: Double
        let gain: Parameter
        private var normalized = Matrix(zeros: 0, 0)
        private var inverseRootMeanSquare: [Double] = []

        init(_ name: String, width: Int, epsilon: Double, _ parameters: Parameters) throws {
            self.width = width
            self.epsilon = epsilon
            gain = try parameters.require("\(name).gain", [width])
        }

        mutating func forward(_ input: Matrix) -> Matrix {
            normalized = Matrix(like: input)
            inverseRootMeanSquare = []
            var output = Matrix(like: input)
            for token in 0..<input.rows {
                let row = input.row(token)
                let meanSquare = row.reduce(0) { $0 + $1 * $1 } / Double(width)
                let inverse = 1 / (meanSquare + epsilon).squareRoot()
                inverseRootMeanSquare.append(inverse)
                for c in 0..<width {
                    normalized[token, c] = row[c] * inverse
                    output[token, c] = gain.values[c] * normalized[token, c]
                }
            }
            return output
        }

        /// With `x̂` the normalized row and `g = gain · dy`: `dx = (g − x̂ · mean(g · x̂)) / rms`.
        mutating func backward(upstream: Matrix) -> Matrix {
            var inputGradient = Matrix(like: normalized)
            var gainGradient = [Double](repeating: 0, count: width)
            for token in 0..<normalized.rows {
                var projection = 0.0
                for c in 0..<width {
                    gainGradient[c] += upstream[token, c] * normalized[token, c]
                    projection += gain.values[c] * upstream[token, c] * normalized[token, c] / Double(width)
                }
                for c in 0..<width {
                    let centred = gain.values[c] * upstream[token, c] - normalized[token, c] * projection
                    inputGradient[token, c] = inverseRootMeanSquare[token] * centred
                }
            }
            gain.accumulate(gainGradient)
            return inputGradient
        }
    }
}
