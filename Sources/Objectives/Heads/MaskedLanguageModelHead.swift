import Encoder
import Kernels

/// The generator's output: dense (→ embedding size), GELU, norm, and output weights, at chosen positions only. The output
/// weights are the shared word table or a table of their own.
struct MaskedLanguageModelHead: LanguageModelHead {
    let capacity: Int
    private let dense: ParameterSlot
    private let denseBias: ParameterSlot
    private let norm: Norm
    private let table: ParameterSlot
    private let bias: ParameterSlot
    private let multiplier: Float

    private let gathered: ActivationSlot
    private let activation: ActivationSlot
    private let derivative: ActivationSlot
    private let normalized: ActivationSlot
    private let logits: ActivationSlot

    /// - Parameters:
    ///   - table: the shared word embeddings `[vocabulary, embedding]`.
    ///   - isTied: whether they are the output weights too.
    ///   - embeddingRatio: width of the embeddings relative to their base.
    ///   - multiplier: of the logits (muP's output multiplier).
    ///   - capacity: most positions of a chunk.
    ///   - name: of the head.
    init(
        _ builder: inout ParameterBuilder, _ plan: inout ActivationPlan, hiddenSize: Int, table: ParameterSlot,
        isTied: Bool, embeddingRatio: Double, normalization: NormalizationConfiguration, multiplier: Double,
        capacity: Int, name: String = "head"
    ) {
        self.capacity = capacity
        let width = table.columns
        // The hidden rule rather than the readout rule: a norm follows.
        dense = builder.matrix("\(name).dense.weight", output: width, input: hiddenSize, role: .hidden)
        denseBias = builder.bias("\(name).dense.bias", width)
        norm = Norm(builder.norm("\(name).norm", width), &plan, normalization, tokens: capacity)
        bias = builder.bias("\(name).bias", table.rows)
        // A readout where the embedding size grows; otherwise neither dimension does.
        self.table =
            isTied
            ? table
            : builder.matrix(
                "\(name).output.weight", output: table.rows, input: width,
                role: embeddingRatio == 1 ? .input : .readout,
                inputRatio: embeddingRatio == 1 ? nil : embeddingRatio)
        self.multiplier = Float(multiplier)
        builder.multiplies(dense)
        builder.multiplies(self.table)
        gathered = plan.reserve(capacity * hiddenSize)
        activation = plan.reserve(capacity * width)
        derivative = plan.reserve(capacity * width)
        normalized = plan.reserve(capacity * width)
        logits = plan.reserve(capacity * table.rows)
    }

    /// Logits without the output bias, `[positions, vocabulary]`.
    ///
    /// - Parameters:
    ///   - hidden: `[n, hidden]`.
    ///   - rows: indices of the chosen tokens within the chunk.
    func forward(_ hidden: Matrix, rows: UnsafeBufferPointer<Int32>, _ pass: LanePass) -> Matrix {
        let gathered = gathered.matrix(pass, rows: rows.count, columns: hidden.columns)
        let activation = activation.matrix(pass, rows: rows.count, columns: table.columns)
        let normalized = normalized.matrix(pass, rows: rows.count, columns: table.columns)
        let logits = logits.matrix(pass, rows: rows.count, columns: table.rows)
        Kernels.gatherRows(hidden, rows, into: gathered)
        pass.project(gathered, by: dense, into: activation)
        Kernels.addBiasGELU(
            activation, bias: denseBias.vector(pass.weights),
            derivative: derivative.matrix(pass, rows: rows.count, columns: table.columns))
        norm.forward(activation, into: normalized, pass)
        pass.project(normalized, by: table, into: logits, scale: multiplier)
        return logits
    }

    /// The output bias and, in training, its gradient.
    func outputBias(_ pass: LanePass) -> UnsafeMutablePointer<Float> { bias.vector(pass.weights) }
    func outputBiasGradient(_ pass: LanePass) -> UnsafeMutablePointer<Float> { bias.vector(pass.gradient) }

    func addGradient(
        _ logitGradient: Matrix, rows: UnsafeBufferPointer<Int32>, to hiddenGradient: Matrix, _ pass: LanePass
    ) {
        let gathered = gathered.matrix(pass, rows: rows.count, columns: hiddenGradient.columns)
        let activation = activation.matrix(pass, rows: rows.count, columns: table.columns)
        let normalized = normalized.matrix(pass, rows: rows.count, columns: table.columns)
        let derivative = derivative.matrix(pass, rows: rows.count, columns: table.columns)
        pass.addGradient(of: table, upstream: logitGradient, input: normalized, scale: multiplier)
        // From here on each buffer takes the gradient of what it held.
        pass.projectBack(logitGradient, by: table, into: normalized, scale: multiplier)
        norm.backward(upstream: normalized, x: activation, into: normalized, accumulate: false, pass)
        Kernels.activationBackward(
            upstream: normalized, derivative: derivative, biasGradient: denseBias.vector(pass.gradient))
        pass.addGradient(of: dense, upstream: normalized, input: gathered)
        pass.projectBack(normalized, by: dense, into: gathered)
        Kernels.scatterAddRows(gathered, rows, into: hiddenGradient)
    }
}
