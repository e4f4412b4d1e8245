import Encoder
import Kernels

/// The main encoder's logit for every token, positive where it believes in a replacement.
struct DetectionHead: Sendable {
    private let norm: Norm?
    private let dense: (weight: ParameterSlot, bias: ParameterSlot)?
    private let output: ParameterSlot
    private let outputBias: ParameterSlot
    private let multiplier: Float

    /// h + h_CLS, and its norm.
    private let sum: ActivationSlot?
    private let normalized: ActivationSlot?
    private let activation: ActivationSlot
    private let derivative: ActivationSlot
    private let logits: ActivationSlot

    init(
        _ builder: inout ParameterBuilder, _ plan: inout ActivationPlan, kind: DetectionHeadKind, hiddenSize: Int,
        multiplier: Double, normalization: NormalizationConfiguration, initialization: InitializationConfiguration,
        tokens: Int
    ) {
        if kind == .withClassification {
            norm = Norm(builder.norm("head.norm", hiddenSize), &plan, normalization, tokens: tokens)
            sum = plan.reserve(tokens * hiddenSize)
            normalized = plan.reserve(tokens * hiddenSize)
        } else {
            (norm, sum, normalized) = (nil, nil, nil)
        }
        dense =
            kind == .linear
            ? nil
            : (
                builder.matrix("head.dense.weight", output: hiddenSize, input: hiddenSize, role: .hidden),
                builder.bias("head.dense.bias", hiddenSize)
            )
        if let dense { builder.multiplies(dense.weight) }
        output = builder.matrix(
            "head.output.weight", output: 1, input: hiddenSize, role: .readout,
            zero: initialization.zeroDetectionOutput, glorot: true)
        outputBias = builder.bias("head.output.bias", 1)
        self.multiplier = Float(multiplier)
        activation = plan.reserve(tokens * hiddenSize)
        derivative = plan.reserve(dense == nil ? 0 : tokens * hiddenSize)
        logits = plan.reserve(tokens)
    }

    /// - Parameter hidden: `[n, hidden]`.
    /// - Returns: `[n]` logits.
    func forward(_ hidden: Matrix, _ pass: LanePass) -> UnsafeMutablePointer<Float> {
        let activation = activation.matrix(pass, rows: hidden.rows, columns: hidden.columns)
        let logits = logits.vector(pass)
        var features = input(hidden, pass)
        if let norm, let sum {
            let sum = sum.matrix(pass, rows: hidden.rows, columns: hidden.columns)
            Kernels.addFirstRows(hidden, segments: pass.chunk.segments, into: sum)
            norm.forward(sum, into: features, pass)
        }
        if let dense {
            pass.project(features, by: dense.weight, into: activation)
            Kernels.addBiasGELU(
                activation, bias: dense.bias.vector(pass.weights),
                derivative: derivative.matrix(pass, rows: hidden.rows, columns: hidden.columns))
            features = activation
        }
        Kernels.dotRows(
            features, weights: output.vector(pass.weights), bias: outputBias.vector(pass.weights)[0],
            scale: multiplier, into: logits)
        return logits
    }

    /// - Parameters:
    ///   - logitGradient: `[n]`.
    ///   - hidden: what the forward pass read.
    ///   - hiddenGradient: `[n, hidden]`, overwritten, or added to where `accumulate`.
    func backward(
        _ logitGradient: UnsafePointer<Float>, hidden: Matrix, hiddenGradient: Matrix, accumulate: Bool = false,
        _ pass: LanePass
    ) {
        let activation = activation.matrix(pass, rows: hidden.rows, columns: hidden.columns)
        let features = input(hidden, pass)
        // Memory of this head that is free by the time.
        let own = (dense == nil ? self.activation : self.derivative).matrix(
            pass, rows: hidden.rows, columns: hidden.columns)
        let result = accumulate ? own : hiddenGradient
        if let dense {
            let derivative = derivative.matrix(pass, rows: hidden.rows, columns: hidden.columns)
            Kernels.dotRowsBackward(
                upstream: logitGradient, x: activation, weights: output.vector(pass.weights), scale: multiplier,
                result: activation, weightGradient: output.vector(pass.gradient),
                biasGradient: outputBias.vector(pass.gradient))
            Kernels.activationBackward(
                upstream: activation, derivative: derivative, biasGradient: dense.bias.vector(pass.gradient))
            pass.addGradient(of: dense.weight, upstream: activation, input: features)
            pass.projectBack(activation, by: dense.weight, into: result)
        } else {
            Kernels.dotRowsBackward(
                upstream: logitGradient, x: features, weights: output.vector(pass.weights), scale: multiplier,
                result: result, weightGradient: output.vector(pass.gradient),
                biasGradient: outputBias.vector(pass.gradient))
        }
        if let norm, let sum {
            norm.backward(
                upstream: result, x: sum.matrix(pass, rows: hidden.rows, columns: hidden.columns), into: result,
                accumulate: false, pass)
            Kernels.addFirstRowsBackward(result, segments: pass.chunk.segments)
        }
        if accumulate { Kernels.add(own, to: hiddenGradient) }
    }

    /// What the dense layer (or the output) reads.
    private func input(_ hidden: Matrix, _ pass: LanePass) -> Matrix {
        normalized?.matrix(pass, rows: hidden.rows, columns: hidden.columns) ?? hidden
    }
}
