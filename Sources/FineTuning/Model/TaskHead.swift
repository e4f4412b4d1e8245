import Encoder
import Kernels

/// What of a text's hidden states a task's head reads.
public enum TaskPooling: String, CaseIterable, Sendable {
    /// Those of the first token, [CLS].
    case first
    /// The mean of all tokens, [CLS] and [SEP] included.
    case mean
}

/// From hidden states to a few numbers for each text: pooled, dropout, dense, GELU, dropout, output
/// (`ElectraClassificationHead` of Hugging Face's transformers).
struct TaskHead: Sendable {
    private let pooling: TaskPooling
    private let dense: (weight: ParameterSlot, bias: ParameterSlot)
    private let output: (weight: ParameterSlot, bias: ParameterSlot)
    private let dropouts: (before: DropoutSite, after: DropoutSite)
    private let pooled: ActivationSlot
    private let activation: ActivationSlot
    private let derivative: ActivationSlot
    private let logits: ActivationSlot
    private let width: Int
    let outputCount: Int

    /// - Parameters:
    ///   - layerCount: of the encoder, behind whose layers the head draws its dropout.
    ///   - texts: most of a chunk.
    init(
        _ builder: inout ParameterBuilder, _ plan: inout ActivationPlan, hiddenSize: Int, layerCount: Int,
        outputCount: Int, pooling: TaskPooling, dropout: Double, texts: Int
    ) {
        width = hiddenSize
        self.outputCount = outputCount
        self.pooling = pooling
        builder.prefix = "task."
        dense = (
            builder.matrix("dense.weight", output: width, input: width, role: .hidden),
            builder.bias("dense.bias", width)
        )
        output = (
            builder.matrix("output.weight", output: outputCount, input: width, role: .readout),
            builder.bias("output.bias", outputCount)
        )
        builder.multiplies(dense.weight)
        func site(_ site: DropoutSite.Site) -> DropoutSite {
            DropoutSite(network: 1, layer: layerCount, site: site, probability: dropout)
        }
        dropouts = (site(.attentionOutput), site(.feedForwardOutput))
        pooled = plan.reserve(texts * width)
        activation = plan.reserve(texts * width)
        derivative = plan.reserve(texts * width)
        logits = plan.reserve(texts * outputCount)
    }

    private func matrices(_ pass: LanePass) -> (pooled: Matrix, activation: Matrix, derivative: Matrix, logits: Matrix)
    {
        let texts = pass.chunk.segments.count - 1
        return (
            pooled.matrix(pass, rows: texts, columns: width), activation.matrix(pass, rows: texts, columns: width),
            derivative.matrix(pass, rows: texts, columns: width),
            logits.matrix(pass, rows: texts, columns: outputCount)
        )
    }

    /// - Parameters:
    ///   - hidden: `[n, hidden]`.
    ///   - firstText: index within the batch of the chunk's first text, which keys dropout.
    /// - Returns: `[texts, outputs]`.
    func forward(_ hidden: Matrix, firstText: Int, _ pass: LanePass) -> Matrix {
        let (pooled, activation, derivative, logits) = matrices(pass)
        let segments = pass.chunk.segments
        for text in 0..<pooled.rows {
            let rows = segments[text]..<(pooling == .first ? segments[text] + 1 : segments[text + 1])
            Kernels.meanRows(hidden.rows(rows.lowerBound, rows.count), into: pooled.row(text))
        }
        if let decisions = dropouts.before.decisions(pass) {
            Kernels.applyDropout(pooled, decisions, firstRow: firstText)
        }
        pass.project(pooled, by: dense.weight, into: activation)
        Kernels.addBiasGELU(activation, bias: dense.bias.vector(pass.weights), derivative: derivative)
        if let decisions = dropouts.after.decisions(pass) {
            Kernels.applyDropout(activation, decisions, firstRow: firstText)
        }
        pass.project(activation, by: output.weight, into: logits)
        let bias = output.bias.vector(pass.weights)
        for text in 0..<logits.rows {
            for index in 0..<outputCount { logits.row(text)[index] += bias[index] }
        }
        return logits
    }

    /// - Parameters:
    ///   - gradient: of the logits, `[texts, outputs]`, in their memory.
    ///   - hiddenGradient: `[n, hidden]`, overwritten.
    func backward(_ gradient: Matrix, hiddenGradient: Matrix, firstText: Int, _ pass: LanePass) {
        let (pooled, activation, derivative, _) = matrices(pass)
        let bias = output.bias.vector(pass.gradient)
        for text in 0..<gradient.rows {
            for index in 0..<outputCount { bias[index] += gradient.row(text)[index] }
        }
        pass.addGradient(of: output.weight, upstream: gradient, input: activation)
        pass.projectBack(gradient, by: output.weight, into: activation)
        if let decisions = dropouts.after.decisions(pass) {
            Kernels.applyDropout(activation, decisions, firstRow: firstText)
        }
        Kernels.geluBackward(
            upstream: activation, derivative: derivative, biasGradient: dense.bias.vector(pass.gradient))
        pass.addGradient(of: dense.weight, upstream: activation, input: pooled)
        pass.projectBack(activation, by: dense.weight, into: pooled)
        if let decisions = dropouts.before.decisions(pass) {
            Kernels.applyDropout(pooled, decisions, firstRow: firstText)
        }
        hiddenGradient.zero()
        let segments = pass.chunk.segments
        for text in 0..<pooled.rows {
            let rows = segments[text]..<(pooling == .first ? segments[text] + 1 : segments[text + 1])
            Kernels.addToRows(
                pooled.row(text), scale: 1 / Float(rows.count), hiddenGradient.rows(rows.lowerBound, rows.count))
        }
    }
}
