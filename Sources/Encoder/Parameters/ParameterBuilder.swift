import Parametrization

/// Adds the tensors of one network to a layout, with its width ratio and initialization scheme.
///
/// Layers and heads declare their parameters through it, so that role, initial values and decay stand beside the layer
/// that uses them.
public struct ParameterBuilder {
    public private(set) var layout = ParameterLayout()
    public let initialization: InitializationConfiguration
    /// Whether norms have a bias.
    public let normsAreBiased: Bool
    /// Prefix of names, and width ratio, of the network that is being declared.
    public var prefix = ""
    public var widthRatio = 1.0
    /// Depth of the network, and whether what is declared now stands within its residual branches.
    public var depthRatio = 1.0
    public var isWithinBranch = false
    /// Multiplies the standard deviation of matrices.
    private let matrixMultiplier: Double

    public init(
        initialization: InitializationConfiguration, normsAreBiased: Bool = true, matrixMultiplier: Double = 1
    ) {
        self.initialization = initialization
        self.normsAreBiased = normsAreBiased
        self.matrixMultiplier = matrixMultiplier
    }

    /// For the parameters of a model.
    public init(_ model: ModelConfiguration, _ parametrization: ParametrizationConfiguration = .init()) {
        self.init(
            initialization: model.initialization,
            normsAreBiased: model.biases && model.normalization.kind == .layerNorm,
            matrixMultiplier: parametrization.initializationMultiplier)
    }

    /// A weight matrix `[output, input]`.
    ///
    /// - Parameters:
    ///   - residualLayers: the network's layers, if the matrix is the last of a sublayer.
    ///   - inputRatio: width ratio of the dimension that it reads from, where it is not the network's.
    ///   - zero: whether it starts at 0.
    ///   - glorot: whether it is drawn by Glorot's rule where the model is to have that.
    public mutating func matrix(
        _ name: String, output: Int, input: Int, role: ParameterRole, residualLayers: Int? = nil,
        inputRatio: Double? = nil, fused: Bool = false, zero: Bool = false, glorot: Bool = false
    ) -> ParameterSlot {
        let widthRatio = inputRatio ?? self.widthRatio
        if glorot, initialization.glorotProjections, !zero {
            // Of the base width on either side, as with fan_in below.
            let inputs = Double(input) / (role == .hidden || role == .readout ? widthRatio : 1)
            let outputs = Double(output) / (role == .readout ? 1 : self.widthRatio)
            let bound = (6 / (inputs + outputs)).squareRoot()
            return add(
                name, [output, input], role, .uniform(bound: bound * matrixMultiplier), decays: true,
                widthRatio: widthRatio)
        }
        var deviation =
            switch initialization.scheme {
            case .fixed: initialization.standardDeviation
            // Of the base width: muP scales hidden matrices from there, and leaves readouts.
            case .fanIn: 1 / (Double(input) / (role == .hidden || role == .readout ? widthRatio : 1)).squareRoot()
            }
        if initialization.scaleResiduals, let residualLayers {
            // Of the base depth, where depth has rules of its own: they scale branches from there, and twice is too much.
            deviation /= (2 * Double(residualLayers) / depthRatio).squareRoot()
        }
        return add(
            name, [output, input], role,
            zero ? .zeros : .truncatedNormal(standardDeviation: deviation * matrixMultiplier), decays: true,
            isBranchOutput: residualLayers != nil, widthRatio: widthRatio, fused: fused)
    }

    /// An embedding table `[count, width]`.
    ///
    /// - Parameter zero: whether it starts at 0.
    public mutating func table(_ name: String, count: Int, width: Int, zero: Bool = false) -> ParameterSlot {
        add(
            name, [count, width], .input,
            zero ? .zeros : .truncatedNormal(standardDeviation: initialization.standardDeviation),
            decays: true, isTable: true)
    }

    /// - Parameter isBranchOutput: whether it belongs to the last matrix of a sublayer.
    public mutating func bias(
        _ name: String, _ count: Int, isBranchOutput: Bool = false, fused: Bool = false
    ) -> ParameterSlot {
        add(name, [count], .vector, .zeros, decays: false, isBranchOutput: isBranchOutput, fused: fused)
    }

    /// Factors that start at 1.
    mutating func gains(_ name: String, _ count: Int) -> ParameterSlot {
        add(name, [count], .vector, .ones, decays: false)
    }

    public mutating func norm(_ name: String, _ width: Int) -> NormParameters {
        NormParameters(
            gain: add(name + ".gain", [width], .vector, .ones, decays: false),
            bias: normsAreBiased ? add(name + ".bias", [width], .vector, .zeros, decays: false) : nil)
    }

    /// Notes that inputs are multiplied with a matrix, so that it can be had in the form that products read.
    public mutating func multiplies(_ slot: ParameterSlot) { layout.addProduct(slot) }

    /// A table that is computed: `base` without gradients, plus `difference`, which gets all of them.
    mutating func sum(of base: ParameterSlot, and difference: ParameterSlot) -> ParameterSlot {
        layout.addDerived(base) { _ in .sum(difference: difference) }
    }

    /// The same tensor once more, with gradients and moments of its own.
    mutating func twin(of slot: ParameterSlot) -> ParameterSlot {
        guard var moments = layout.spec(at: slot) else { preconditionFailure("a twin of no parameter") }
        moments.name = prefix + (moments.name.split(separator: ".", maxSplits: 1).last.map(String.init) ?? "")
        return layout.addDerived(slot) { offset in
            moments.offset = offset
            return .twin(moments: moments)
        }
    }

    /// A norm that is shared: the same, or its twin.
    mutating func norm(twinOf norm: NormParameters, separately: Bool) -> NormParameters {
        guard separately else { return norm }
        return NormParameters(gain: twin(of: norm.gain), bias: norm.bias.map { twin(of: $0) })
    }

    /// What is declared from here on has an optimizer of its own.
    public mutating func beginSecondGroup() { layout.beginSecondGroup() }

    /// A bias of attention scores `[heads, bins]`, which starts at 0.
    public mutating func relativeBias(_ name: String, heads: Int, bins: Int) -> ParameterSlot {
        add(name, [heads, bins], .vector, .zeros, decays: false)
    }

    /// The finished layout.
    public func finished() -> ParameterLayout {
        var layout = layout
        layout.finish()
        return layout
    }

    private mutating func add(
        _ name: String, _ shape: [Int], _ role: ParameterRole, _ initialization: ParameterSpec.Initialization,
        decays: Bool, isTable: Bool = false, isBranchOutput: Bool = false, widthRatio: Double? = nil,
        fused: Bool = false
    ) -> ParameterSlot {
        let depth: ParameterDepth = !isWithinBranch ? .outside : isBranchOutput ? .branchOutput : .branch
        return layout.add(
            ParameterSpec(
                name: prefix + name, shape: shape, role: role, widthRatio: widthRatio ?? self.widthRatio, depth: depth,
                depthRatio: depthRatio, initialization: initialization, decays: decays, isEmbeddingTable: isTable),
            fusedWithPrevious: fused)
    }
}
