extension TrainingState {
    /// The first weight that is not finite, by tensor and element; nil where all are.
    public var firstNonFiniteWeight: (tensor: String, index: Int)? {
        layout.firstNonFinite(in: weights).map { (layout.specs[$0.tensor].name, $0.index) }
    }

    /// Weights that are not finite must be neither evaluated nor saved.
    ///
    /// - Parameter step: that they are of, for the error.
    /// - Throws: `NonFiniteError`.
    public func checkWeights(step: Int) throws {
        if let found = firstNonFiniteWeight {
            throw NonFiniteError(step: step, place: .weight(tensor: found.tensor, index: found.index))
        }
    }

    /// Nothing that is not finite may be saved: weights, nor what the optimizer keeps. A moment that is infinite would leave its
    /// weight as it is for good, and nobody would see.
    ///
    /// - Throws: `NonFiniteError`.
    public func check(step: Int) throws {
        try checkWeights(step: step)
        for (name, buffer) in optimizer {
            if let found = layout.firstNonFinite(in: buffer, specs: layout.momentSpecs) {
                throw NonFiniteError(
                    step: step,
                    place: .moment(
                        of: name.rawValue, tensor: layout.momentSpecs[found.tensor].name, index: found.index))
            }
        }
        if let outerMomentum, let found = layout.firstNonFinite(in: outerMomentum) {
            throw NonFiniteError(
                step: step,
                place: .moment(of: "outer_momentum", tensor: layout.specs[found.tensor].name, index: found.index))
        }
    }
}
