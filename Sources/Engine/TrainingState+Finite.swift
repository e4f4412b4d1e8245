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
}
