extension Reference {
    /// `y = γ_h · x / √(mean of x² over the head + ε)`, head by head; γ is 1 without a name.
    struct HeadNorm: Layer {
        private let heads: Int
        private let headSize: Int
        private let epsilon: Double
        private let gains: Parameter?
        private var input = Matrix(zeros: 0, 0)

        init(_ name: String?, heads: Int, headSize: Int, epsilon: Double, _ parameters: Parameters) throws {
            self.heads = heads
            self.headSize = headSize
            self.epsilon = epsilon
            gains = try name.map { try parameters.require($0, [heads]) }
        }

        private func columns(_ head: Int) -> Range<Int> { head * headSize..<(head + 1) * headSize }
        private func gain(_ head: Int) -> Double { gains?.values[head] ?? 1 }

        private func root(_ row: Int, _ head: Int) -> Double {
            let squares = columns(head).reduce(0) { $0 + input[row, $1] * input[row, $1] }
            return (squares / Double(headSize) + epsilon).squareRoot()
        }

        mutating func forward(_ input: Matrix) -> Matrix {
            self.input = input
            var output = input
            for row in 0..<input.rows {
                for head in 0..<heads {
                    for c in columns(head) { output[row, c] *= gain(head) / root(row, head) }
                }
            }
            return output
        }

        mutating func backward(upstream: Matrix) -> Matrix {
            var gradient = upstream
            for row in 0..<input.rows {
                for head in 0..<heads {
                    let root = root(row, head)
                    let product = columns(head).reduce(0) { $0 + upstream[row, $1] * input[row, $1] }
                    gains?.gradient[head] += product / root
                    for c in columns(head) {
                        gradient[row, c] =
                            gain(head) / root
                            * (upstream[row, c] - input[row, c] * product / (Double(headSize) * root * root))
                    }
                }
            }
            return gradient
        }
    }
}
