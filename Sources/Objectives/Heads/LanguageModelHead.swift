import Encoder
import Kernels

/// Logits over the vocabulary at chosen rows of hidden states.
protocol LanguageModelHead: Sendable {
    /// Most rows of a call, which memory is planned for.
    var capacity: Int { get }

    /// Logits without the output bias, `[rows, vocabulary]`.
    ///
    /// - Parameters:
    ///   - hidden: `[n, hidden]`.
    ///   - rows: indices of the chosen tokens within the chunk, at most `capacity`.
    func forward(_ hidden: Matrix, rows: UnsafeBufferPointer<Int32>, _ pass: LanePass) -> Matrix

    func outputBias(_ pass: LanePass) -> UnsafeMutablePointer<Float>
    func outputBiasGradient(_ pass: LanePass) -> UnsafeMutablePointer<Float>

    /// - Parameters:
    ///   - logitGradient: gradient of the logits, in the memory that `forward` returned.
    ///   - hiddenGradient: `[n, hidden]`, to which the gradient at the chosen rows is added.
    func addGradient(
        _ logitGradient: Matrix, rows: UnsafeBufferPointer<Int32>, to hiddenGradient: Matrix, _ pass: LanePass)
}

/// The simplified head of corrective language modeling: the word table and a bias, without a transform (Bajaj et al. 2022,
/// arXiv 2204.06644; `CLMHead` of COCO-LM's release). The table is as wide as the hidden states.
struct CorrectiveHead: LanguageModelHead {
    let capacity: Int
    private let table: ParameterSlot
    private let bias: ParameterSlot
    private let multiplier: Float
    private let gathered: ActivationSlot
    private let logits: ActivationSlot

    /// - Parameters:
    ///   - table: the word embeddings that the main encoder reads, `[vocabulary, hidden]`.
    ///   - multiplier: of the logits (muP's output multiplier).
    ///   - capacity: most rows of a call.
    init(
        _ builder: inout ParameterBuilder, _ plan: inout ActivationPlan, table: ParameterSlot, multiplier: Double,
        capacity: Int
    ) {
        self.capacity = capacity
        self.table = table
        bias = builder.bias("corrective.bias", table.rows)
        self.multiplier = Float(multiplier)
        builder.multiplies(table)
        gathered = plan.reserve(capacity * table.columns)
        logits = plan.reserve(capacity * table.rows)
    }

    func forward(_ hidden: Matrix, rows: UnsafeBufferPointer<Int32>, _ pass: LanePass) -> Matrix {
        let gathered = gathered.matrix(pass, rows: rows.count, columns: table.columns)
        let logits = logits.matrix(pass, rows: rows.count, columns: table.rows)
        Kernels.gatherRows(hidden, rows, into: gathered)
        pass.project(gathered, by: table, into: logits, scale: multiplier)
        return logits
    }

    func outputBias(_ pass: LanePass) -> UnsafeMutablePointer<Float> { bias.vector(pass.weights) }
    func outputBiasGradient(_ pass: LanePass) -> UnsafeMutablePointer<Float> { bias.vector(pass.gradient) }

    func addGradient(
        _ logitGradient: Matrix, rows: UnsafeBufferPointer<Int32>, to hiddenGradient: Matrix, _ pass: LanePass
    ) {
        let gathered = gathered.matrix(pass, rows: rows.count, columns: table.columns)
        pass.addGradient(of: table, upstream: logitGradient, input: gathered, scale: multiplier)
        pass.projectBack(logitGradient, by: table, into: gathered, scale: multiplier)
        Kernels.scatterAddRows(gathered, rows, into: hiddenGradient)
    }
}
