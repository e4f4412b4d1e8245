extension Reference {
    /// `Linear(activation(Linear(x)))`, from width `H` to `F` and back. The gated form goes to `2 F` first.
    struct FeedForward: Layer {
        private var input: Linear
        private var activation: any Layer
        private var output: Linear

        init(
            _ name: String, width: Int, innerWidth: Int, kind: FeedForwardKind = .gelu, hasBiases: Bool = true,
            _ parameters: Parameters
        ) throws {
            input = try Linear(
                "\(name).input", inputs: width, outputs: kind == .geglu ? 2 * innerWidth : innerWidth,
                hasBias: hasBiases, parameters)
            activation =
                switch kind {
                case .gelu: GELU()
                case .squaredReLU: SquaredReLU()
                case .geglu: GEGLU()
                }
            output = try Linear("\(name).output", inputs: innerWidth, outputs: width, hasBias: hasBiases, parameters)
        }

        mutating func forward(_ input: Matrix) -> Matrix {
            output.forward(activation.forward(self.input.forward(input)))
        }

        mutating func backward(upstream: Matrix) -> Matrix {
            input.backward(upstream: activation.backward(upstream: output.backward(upstream: upstream)))
        }
    }

    /// `max(0, x)²` (arXiv 2109.08668).
    struct SquaredReLU: Layer {
        private var rectified = Matrix(zeros: 0, 0)

        mutating func forward(_ input: Matrix) -> Matrix {
            rectified = input
            rectified.values = input.values.map { max(0, $0) }
            var output = rectified
            output.values = rectified.values.map { $0 * $0 }
            return output
        }

        mutating func backward(upstream: Matrix) -> Matrix {
            var inputGradient = upstream
            inputGradient.values = zip(upstream.values, rectified.values).map { 2 * $0 * $1 }
            return inputGradient
        }
    }

    /// `[a | b] ↦ gelu(a) · b` (arXiv 2002.05202).
    struct GEGLU: Layer {
        private var gelu = GELU()
        private var activated = Matrix(zeros: 0, 0)
        private var gates = Matrix(zeros: 0, 0)

        mutating func forward(_ input: Matrix) -> Matrix {
            let width = input.columns / 2
            activated = gelu.forward(half(input, from: 0))
            gates = half(input, from: width)
            return product(activated, gates)
        }

        mutating func backward(upstream: Matrix) -> Matrix {
            let left = gelu.backward(upstream: product(upstream, gates))
            let right = product(upstream, activated)
            return Matrix(
                rows: left.rows, columns: 2 * left.columns,
                values: (0..<left.rows).flatMap { left.row($0) + right.row($0) })
        }

        private func half(_ input: Matrix, from column: Int) -> Matrix {
            let width = input.columns / 2
            return Matrix(
                rows: input.rows, columns: width,
                values: (0..<input.rows).flatMap { input.row($0)[column..<column + width] })
        }

        private func product(_ a: Matrix, _ b: Matrix) -> Matrix {
            Matrix(rows: a.rows, columns: a.columns, values: zip(a.values, b.values).map { $0 * $1 })
        }
    }
}
