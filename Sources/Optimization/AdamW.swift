import Kernels

/// AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101).
enum AdamW {
    static let state: [OptimizerStateName] = [.firstMoments, .secondMoments]

    static func update(_ slice: OptimizerSlice, _ coefficients: Kernels.AdamWCoefficients) {
        Kernels.adamW(
            weights: slice.weights, gradient: slice.gradient, firstMoment: slice.state(0),
            secondMoment: slice.state(1), count: slice.count, coefficients)
    }
}
