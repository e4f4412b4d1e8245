extension Reference {
    /// `multiplier · w · GELU(dense(h)) + b`: one logit per token, `[n, 1]`.
    struct DetectionHead: Layer {
        private var dense: Linear
        private var activation = GELU()
        private var output: Linear
        private let multiplier: Double

        init(
            _ configuration: EncoderConfiguration, prefix: String = "discriminator.", multiplier: Double = 1,
            _ parameters: Parameters
        ) throws {
            let width = configuration.hiddenSize
            dense = try Linear("\(prefix)head.dense", inputs: width, outputs: width, parameters)
            output = try Linear("\(prefix)head.output", inputs: width, outputs: 1, parameters)
            self.multiplier = multiplier
        }

        /// The multiplier acts on what enters the output layer, so the bias does not feel it.
        mutating func forward(_ hidden: Matrix) -> Matrix {
            output.forward(multiplier * activation.forward(dense.forward(hidden)))
        }

        mutating func backward(upstream: Matrix) -> Matrix {
            let scaled = output.backward(upstream: upstream)
            return dense.backward(upstream: activation.backward(upstream: multiplier * scaled))
        }
    }
}
