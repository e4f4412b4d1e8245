import Kernels

/// Small networks behind the feed-forward sublayers of a fixed encoder, which a task trains in its place.
public struct AdapterConfiguration: Equatable, Sendable {
    /// Width of an adapter's hidden layer; a multiple of 8.
    public var size: Int
    /// Copies of each matrix, of which a step draws one.
    public var copies: Int

    public init(size: Int, copies: Int) {
        self.size = size
        self.copies = copies
    }
}

/// Which copies a pass takes: one of those going down and one of those going up, drawn for each layer. AdaMix (Wang et al. 2022,
/// arXiv 2205.12410): one routing for a batch, and the mean of the copies afterwards.
public struct AdapterRoute: Sendable {
    private let random: Philox
    private let step: Int
    /// 0, or 1 for a second pass of the same step.
    private let view: Int

    public init(_ random: Philox, step: Int, view: Int) {
        self.random = random
        self.step = step
        self.view = view
    }

    func copies(layer: Int, of count: Int) -> (down: Int, up: Int) {
        func draw(_ place: Int) -> Int {
            Int(random.uniform(step: step, position: 4 * layer + 2 * view + place) * Double(count))
        }
        return (draw(0), draw(1))
    }
}

/// `h + up(GELU(down(h)))` on what a feed-forward sublayer puts out, its bias included, before the residual sum (Pfeiffer et al.
/// 2021, arXiv 2005.00247).
struct Adapter: Sendable {
    private struct Linear: Sendable {
        var weight: ParameterSlot
        var bias: ParameterSlot
    }

    private let layer: Int
    private let copies: Int
    /// The copies, and their mean.
    private let down: [Linear]
    private let up: [Linear]
    private let input: ActivationSlot
    private let hidden: ActivationSlot
    private let derivative: ActivationSlot
    private let hiddenGradient: ActivationSlot
    private let projected: ActivationSlot

    init(_ context: inout EncoderNetwork.BuildContext, _ configuration: AdapterConfiguration, layer: Int) {
        precondition(configuration.size % 8 == 0, "kernels carry eight numbers at a time")
        self.layer = layer
        copies = configuration.copies
        let width = context.shape.hiddenSize
        let network = context.parameters.prefix
        context.parameters.prefix = "task.adapters.\(layer)."
        func linears(_ name: String, output: Int, input: Int, zero: Bool) -> [Linear] {
            (0...configuration.copies).map { copy in
                let name = copy < configuration.copies ? "\(name).\(copy)" : "\(name).mean"
                let linear = Linear(
                    weight: context.parameters.matrix(
                        "\(name).weight", output: output, input: input, role: .hidden, zero: zero),
                    bias: context.parameters.bias("\(name).bias", output))
                context.parameters.multiplies(linear.weight)
                return linear
            }
        }
        down = linears("down", output: configuration.size, input: width, zero: false)
        // So that training begins from the encoder as it is.
        up = linears("up", output: width, input: configuration.size, zero: true)
        context.parameters.prefix = network
        let count = context.tokens * configuration.size
        input = context.plan.reserve(context.tokens * width)
        hidden = context.plan.reserve(count)
        derivative = context.plan.reserve(count)
        hiddenGradient = context.plan.reserve(count)
        projected = context.plan.reserve(context.tokens * width)
    }

    private func linears(_ pass: LanePass) -> (down: Linear, up: Linear) {
        guard let route = pass.adapterRoute else { return (down[copies], up[copies]) }
        let drawn = route.copies(layer: layer, of: copies)
        return (down[drawn.down], up[drawn.up])
    }

    /// - Parameters:
    ///   - output: of the sublayer, `[n, hidden]`, still without its bias; what the adapter says is added.
    ///   - outputBias: that bias.
    func forward(_ output: Matrix, outputBias: UnsafePointer<Float>, _ pass: LanePass) {
        let (down, up) = linears(pass)
        let input = input.matrix(pass, rows: pass.rows, columns: output.columns)
        let hidden = hidden.matrix(pass, rows: pass.rows, columns: down.weight.rows)
        for row in 0..<output.rows {
            let (target, source) = (input.row(row), output.row(row))
            for column in 0..<output.columns { target[column] = source[column] + outputBias[column] }
        }
        pass.project(input, by: down.weight, into: hidden)
        Kernels.addBiasGELU(
            hidden, bias: down.bias.vector(pass.weights),
            derivative: pass.gradients == nil
                ? nil : derivative.matrix(pass, rows: pass.rows, columns: down.weight.rows))
        let projected = projected.matrix(pass, rows: pass.rows, columns: output.columns)
        pass.project(hidden, by: up.weight, into: projected)
        let bias = up.bias.vector(pass.weights)
        for row in 0..<output.rows {
            let (target, source) = (output.row(row), projected.row(row))
            for column in 0..<output.columns { target[column] += source[column] + bias[column] }
        }
    }

    /// - Parameter upstream: `[n, hidden]`; replaced by the gradient of the sublayer's output.
    func backward(_ upstream: Matrix, _ pass: LanePass) {
        let (down, up) = linears(pass)
        let input = input.matrix(pass, rows: pass.rows, columns: upstream.columns)
        let hidden = hidden.matrix(pass, rows: pass.rows, columns: down.weight.rows)
        let gradient = hiddenGradient.matrix(pass, rows: pass.rows, columns: down.weight.rows)
        let bias = up.bias.vector(pass.gradient)
        for row in 0..<upstream.rows {
            for column in 0..<upstream.columns { bias[column] += upstream.row(row)[column] }
        }
        pass.addGradient(of: up.weight, upstream: upstream, input: hidden, ofTask: true)
        pass.projectBack(upstream, by: up.weight, into: gradient)
        Kernels.activationBackward(
            upstream: gradient, derivative: derivative.matrix(pass, rows: pass.rows, columns: down.weight.rows),
            biasGradient: down.bias.vector(pass.gradient))
        pass.addGradient(of: down.weight, upstream: gradient, input: input, ofTask: true)
        pass.projectBack(gradient, by: down.weight, into: upstream, accumulate: true)
    }
}

/// A branch with an adapter behind it.
struct AdaptedBranch: Branch {
    let body: any Branch
    let adapter: Adapter

    var outputBias: OptionalBias { body.outputBias }

    func prepare(_ input: Matrix, _ pass: LanePass) { body.prepare(input, pass) }

    func forward(_ input: Matrix, into output: Matrix, _ pass: LanePass) {
        body.forward(input, into: output, pass)
        adapter.forward(output, outputBias: outputBias.vector(pass), pass)
    }

    func beginBackward(upstream: Matrix, _ pass: LanePass) { body.beginBackward(upstream: upstream, pass) }

    func backward(
        upstream: Matrix, input: Matrix, inputGradient: Matrix, accumulate: Bool, _ pass: LanePass
    ) {
        adapter.backward(upstream, pass)
        body.backward(
            upstream: upstream, input: input, inputGradient: inputGradient, accumulate: accumulate, pass)
    }
}
