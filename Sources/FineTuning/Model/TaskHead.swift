import Encoder
import Kernels

/// What of a text's hidden states a task's head reads.
public enum TaskPooling: String, CaseIterable, Sendable {
    /// Those of the first token, [CLS].
    case first
    /// The mean of all tokens, [CLS] and [SEP] included.
    case mean
}

/// What the head reads in a chunk.
struct TaskPlaces: Sendable {
    /// Of the chunk, whose states are averaged: one token, or a whole text.
    var rows: [Range<Int>]
    /// Index within the batch of the first, which keys dropout.
    var first: Int
}

/// From hidden states to a few numbers for each place: pooled, dropout, dense, GELU, dropout, output
/// (`ElectraClassificationHead` of Hugging Face's transformers), or without the dense layer pooled, dropout, output
/// (`ElectraForTokenClassification`), or pooled and nothing else.
struct TaskHead: Sendable {
    /// What it is made of.
    enum Form {
        case dense, linear
        /// Vectors are the pooled states themselves.
        case none
    }

    private let dense: (weight: ParameterSlot, bias: ParameterSlot)?
    private let output: (weight: ParameterSlot, bias: ParameterSlot)?
    private let dropouts: (before: DropoutSite, after: DropoutSite)
    private let pooled: ActivationSlot
    private let activation: ActivationSlot
    private let derivative: ActivationSlot
    private let logits: ActivationSlot
    private let width: Int
    let outputCount: Int

    /// - Parameters:
    ///   - layerCount: of the encoder, behind whose layers the head draws its dropout.
    ///   - outputCount: of each place; without a head the hidden size.
    ///   - form: dense for texts as a whole; single tokens need no dense layer.
    ///   - places: most of a chunk.
    init(
        _ builder: inout ParameterBuilder, _ plan: inout ActivationPlan, hiddenSize: Int, layerCount: Int,
        outputCount: Int, form: Form, dropout: Double, places: Int
    ) {
        width = hiddenSize
        self.outputCount = outputCount
        builder.prefix = "task."
        // It is drawn and moved as in models without a base: it is no part of what a proxy has found rates for.
        (builder.widthRatio, builder.depthRatio) = (1, 1)
        dense =
            form == .dense
            ? (
                builder.matrix("dense.weight", output: width, input: width, role: .hidden),
                builder.bias("dense.bias", width)
            ) : nil
        output =
            form == .none
            ? nil
            : (
                builder.matrix("output.weight", output: outputCount, input: width, role: .readout),
                builder.bias("output.bias", outputCount)
            )
        if let dense { builder.multiplies(dense.weight) }
        func site(_ site: DropoutSite.Site) -> DropoutSite {
            DropoutSite(network: 1, layer: layerCount, site: site, probability: dropout)
        }
        dropouts = (site(.attentionOutput), site(.feedForwardOutput))
        pooled = plan.reserve(places * width)
        activation = dense != nil ? plan.reserve(places * width) : pooled
        derivative = dense != nil ? plan.reserve(places * width) : pooled
        logits = output != nil ? plan.reserve(places * outputCount) : pooled
    }

    private func matrices(
        _ places: TaskPlaces, _ pass: LanePass
    ) -> (pooled: Matrix, activation: Matrix, derivative: Matrix, logits: Matrix) {
        let count = places.rows.count
        return (
            pooled.matrix(pass, rows: count, columns: width), activation.matrix(pass, rows: count, columns: width),
            derivative.matrix(pass, rows: count, columns: width),
            logits.matrix(pass, rows: count, columns: outputCount)
        )
    }

    /// - Parameters:
    ///   - hidden: `[n, hidden]`.
    ///   - places: at least one.
    /// - Returns: `[places, outputs]`.
    func forward(_ hidden: Matrix, _ places: TaskPlaces, _ pass: LanePass) -> Matrix {
        let (pooled, activation, derivative, logits) = matrices(places, pass)
        for (place, rows) in places.rows.enumerated() {
            Kernels.meanRows(hidden.rows(rows.lowerBound, rows.count), into: pooled.row(place))
        }
        guard let output else { return pooled }
        if let decisions = dropouts.before.decisions(pass) {
            Kernels.applyDropout(pooled, decisions, firstRow: places.first)
        }
        if let dense {
            pass.project(pooled, by: dense.weight, into: activation)
            Kernels.addBiasGELU(activation, bias: dense.bias.vector(pass.weights), derivative: derivative)
            if let decisions = dropouts.after.decisions(pass) {
                Kernels.applyDropout(activation, decisions, firstRow: places.first)
            }
        }
        pass.project(activation, by: output.weight, into: logits)
        let bias = output.bias.vector(pass.weights)
        for place in 0..<logits.rows {
            for index in 0..<outputCount { logits.row(place)[index] += bias[index] }
        }
        return logits
    }

    /// - Parameters:
    ///   - gradient: of the logits, `[places, outputs]`, in their memory.
    ///   - hiddenGradient: `[n, hidden]`, overwritten.
    func backward(_ gradient: Matrix, hiddenGradient: Matrix, _ places: TaskPlaces, _ pass: LanePass) {
        let pooled = matrices(places, pass).pooled
        if let output { backward(gradient, output, places, pass) }
        hiddenGradient.zero()
        for (place, rows) in places.rows.enumerated() {
            Kernels.addToRows(
                pooled.row(place), scale: 1 / Float(rows.count), hiddenGradient.rows(rows.lowerBound, rows.count))
        }
    }

    /// From the logits to the pooled states, in whose place their gradient is left.
    private func backward(
        _ gradient: Matrix, _ output: (weight: ParameterSlot, bias: ParameterSlot), _ places: TaskPlaces,
        _ pass: LanePass
    ) {
        let (pooled, activation, derivative, _) = matrices(places, pass)
        let bias = output.bias.vector(pass.gradient)
        for place in 0..<gradient.rows {
            for index in 0..<outputCount { bias[index] += gradient.row(place)[index] }
        }
        pass.addGradient(of: output.weight, upstream: gradient, input: activation, ofTask: true)
        pass.projectBack(gradient, by: output.weight, into: activation)
        if let dense {
            if let decisions = dropouts.after.decisions(pass) {
                Kernels.applyDropout(activation, decisions, firstRow: places.first)
            }
            Kernels.activationBackward(
                upstream: activation, derivative: derivative, biasGradient: dense.bias.vector(pass.gradient))
            pass.addGradient(of: dense.weight, upstream: activation, input: pooled, ofTask: true)
            pass.projectBack(activation, by: dense.weight, into: pooled)
        }
        if let decisions = dropouts.before.decisions(pass) {
            Kernels.applyDropout(pooled, decisions, firstRow: places.first)
        }
    }
}
