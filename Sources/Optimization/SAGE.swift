import Kernels

/// AdamW with learning rates that each weight's sensitivity guides (Liang et al. 2022, arXiv 2202.02664).
enum SAGE {
    static let state: [OptimizerStateName] = [.firstMoments, .secondMoments, .importance]

    /// - Parameter importanceDecay: β₃.
    static func update(_ slice: OptimizerSlice, _ coefficients: Kernels.AdamWCoefficients, importanceDecay: Double) {
        Kernels.sage(
            weights: slice.weights, gradient: slice.gradient, firstMoment: slice.state(0),
            secondMoment: slice.state(1), importance: slice.state(2), importanceDecay: importanceDecay,
            count: slice.count, coefficients)
    }
}
