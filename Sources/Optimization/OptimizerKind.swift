import Encoder
import Kernels

/// How gradients move weights. To add a kind: a case, its lines in the switches here, and a file with its state and update.
public enum OptimizerKind: String, CaseIterable, Sendable {
    case adamW = "adamw"
    /// Sensitivity-guided learning rates (Liang et al. 2022, arXiv 2202.02664).
    case sage
    /// Orthogonalized momentum for the matrices of hidden layers, AdamW for the rest.
    case muon

    /// What it keeps for every parameter from step to step, in the order in which `OptimizerSlice` has it. Checkpoints,
    /// memory estimates and the engine's state are loops over this.
    public var state: [OptimizerStateName] {
        switch self {
        case .adamW: AdamW.state
        case .sage: SAGE.state
        case .muon: Muon.state
        }
    }

    /// Whether it keeps a number for a tensor; where not, the number's buffer stays zero there.
    private func keeps(_ name: OptimizerStateName, of spec: ParameterSpec) -> Bool {
        self != .muon || name != .secondMoments || !Muon.moves(spec)
    }

    /// Of some tensors those that it keeps a number for.
    public func kept(_ name: OptimizerStateName, _ specs: [ParameterSpec]) -> [ParameterSpec] {
        specs.filter { keeps(name, of: $0) }
    }

    /// What a step costs beside what every optimizer's does: operations, and floats of memory for each thread.
    ///
    /// - Parameters:
    ///   - precision: of products.
    ///   - isFrozen: whether a tensor, by name, stays as it is.
    public func cost(
        _ layout: ParameterLayout, precision: ProductPrecision, isFrozen: (String) -> Bool
    ) -> (flops: Double, floats: Int) {
        guard self == .muon else { return (0, 0) }
        let members = layout.momentSpecs.filter { Muon.moves($0) && !isFrozen($0.name) }
        return (
            members.reduce(0) {
                $0 + Orthogonalization.flops(rows: $1.shape[0], columns: $1.shape[1], precision: precision)
            },
            members.map { Orthogonalization.floatCount(rows: $0.shape[0], columns: $0.shape[1]) }.max() ?? 0
        )
    }

    /// Moves the weights of a slice and clears its gradient.
    func update(_ slice: OptimizerSlice, _ coefficients: Kernels.AdamWCoefficients, _ settings: OptimizerConfiguration)
    {
        switch self {
        // Muon's matrices are not divided into slices.
        case .adamW, .muon: AdamW.update(slice, coefficients)
        case .sage: SAGE.update(slice, coefficients, importanceDecay: settings.importanceDecay)
        }
    }
}

/// A number that an optimizer keeps for every parameter. The raw value names its tensors in checkpoints.
public enum OptimizerStateName: String, Sendable, CaseIterable {
    case firstMoments = "first_moments"
    case secondMoments = "second_moments"
    /// SAGE's smoothed importance.
    case importance
}

/// A part of one tensor with its gradient and the optimizer's state, as one task updates it.
struct OptimizerSlice {
    let weights: UnsafeMutablePointer<Float>
    let gradient: UnsafeMutablePointer<Float>
    let count: Int
    /// Where gradient and state begin in their buffers.
    fileprivate let offset: Int
    fileprivate let buffers: [FloatBuffer]

    /// - Parameters:
    ///   - weights, offset: where the slice begins in the weights, and in gradients and state.
    ///   - state: buffers in the order of `OptimizerKind.state`.
    init(weights: UnsafeMutablePointer<Float>, gradients: FloatBuffer, state: [FloatBuffer], offset: Int, count: Int) {
        self.weights = weights
        gradient = gradients.base + offset
        buffers = state
        self.offset = offset
        self.count = count
    }

    /// The slice of a state buffer.
    func state(_ index: Int) -> UnsafeMutablePointer<Float> { buffers[index].base + offset }
}
