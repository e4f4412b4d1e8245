/// The model once more, as naive `Double` loops that read like the papers: the yardstick of the fast layers.
///
/// A layer holds its parameters and what its last `forward` saw; `backward` returns the gradient of the input and
/// adds to the gradients of the parameters. A model is built for one batch: segments, dropout masks and attention
/// visibility are properties of its layers, so every layer is a plain function of one matrix.
///
/// Central differences check each `backward`; a fixture computed with other software checks `forward`.
enum Reference {}

extension Reference {
    /// A differentiable function from one `[tokens, width]` matrix to another.
    protocol Layer {
        /// The output for `input`; keeps what `backward` needs.
        mutating func forward(_ input: Matrix) -> Matrix

        /// The gradient of the last `forward`'s input, given that of its output; adds to parameter gradients.
        mutating func backward(upstream: Matrix) -> Matrix
    }
}
