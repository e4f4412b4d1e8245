extension Reference {
    /// `Linear(activation(Linear(x)))`, from width `H` to `F` and back.
    struct FeedForward: Layer {
        private var input: Linear
        private var activation: any Layer
        private var output: Linear

        init(
            _ name: String, width: Int, innerWidth: Int, activation: any Layer = GELU(), _ parameters: Parameters
        ) throws {
            input = try Linear("\(name).input", inputs: width, outputs: innerWidth, parameters)
            self.activation = activation
            output = try Linear("\(name).output", inputs: innerWidth, outputs: width, parameters)
        }

        mutating func forward(_ input: Matrix) -> Matrix {
            output.forward(activation.forward(self.input.forward(input)))
        }

        mutating func backward(upstream: Matrix) -> Matrix {
            input.backward(upstream: activation.backward(upstream: output.backward(upstream: upstream)))
        }
    }
}
