import Encoder
import Kernels

extension TrainingState {
    /// The first weight that is not finite, by tensor and element; nil where all are.
    public var firstNonFiniteWeight: (tensor: String, index: Int)? {
        layout.firstNonFinite(in: weights).map { (layout.specs[$0.tensor].name, $0.index) }
    }

    /// Weights that are not finite must be neither evaluated nor saved.
    ///
    /// - Parameter step: that they are of, for the error.
    /// - Throws: `NonFiniteError`.
    public func checkWeights(step: Int) throws { try layout.checkFinite(weights, step: step) }

    /// Nothing that is not finite may be saved: weights, nor what the optimizer keeps. A moment that is infinite would leave its
    /// weight as it is for good, and nobody would see.
    ///
    /// - Throws: `NonFiniteError`.
    public func check(step: Int) throws {
        try checkWeights(step: step)
        for (name, buffer) in optimizer {
            try layout.checkFinite(buffer, of: name.rawValue, layout.momentSpecs, step: step)
        }
        if let outerMomentum { try layout.checkFinite(outerMomentum, of: "outer_momentum", layout.specs, step: step) }
    }
}

extension ParameterLayout {
    /// - Parameter step: that the weights are of, for the error.
    /// - Throws: `NonFiniteError` for the first weight that is not finite.
    package func checkFinite(_ weights: FloatBuffer, step: Int) throws {
        if let found = firstNonFinite(in: weights) {
            throw NonFiniteError(step: step, place: .weight(tensor: specs[found.tensor].name, index: found.index))
        }
    }

    /// - Parameters:
    ///   - name: of what the optimizer keeps in a buffer.
    ///   - some: tensors that it is kept for.
    /// - Throws: `NonFiniteError` for the first number that is not finite.
    package func checkFinite(_ buffer: FloatBuffer, of name: String, _ some: [ParameterSpec], step: Int) throws {
        if let found = firstNonFinite(in: buffer, specs: some) {
            throw NonFiniteError(
                step: step, place: .moment(of: name, tensor: some[found.tensor].name, index: found.index))
        }
    }
}
