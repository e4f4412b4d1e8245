/// Where a network finds a tensor that may not be its own.
public struct LocatedTensor: Sendable, Equatable {
    /// The parameter that holds it or, of a sum, the part that is the network's own.
    public var parameter: String
    /// Within the weights.
    public var offset: Int
    public var shape: [Int]

    public init(parameter: String, offset: Int, shape: [Int]) {
        self.parameter = parameter
        self.offset = offset
        self.shape = shape
    }
}

extension ParameterLayout {
    /// The one place that knows where a network finds a part of its embeddings: a tensor of its own, one that is computed
    /// (the sum of a disentangled table), or one that both networks share.
    ///
    /// - Parameter part: such as `word`, `position`, `norm.gain`.
    /// - Returns: nil where the model has none.
    public func embedding(_ part: String, of network: NetworkKind) -> LocatedTensor? {
        let own = "\(network.rawValue).embeddings.\(part)"
        if let spec = self[own] { return LocatedTensor(parameter: own, offset: spec.offset, shape: spec.shape) }
        if let difference = self[own + "_difference"], let sum = sum(with: difference) {
            return LocatedTensor(parameter: difference.name, offset: sum.offset, shape: difference.shape)
        }
        return self["embeddings.\(part)"].map {
            LocatedTensor(parameter: $0.name, offset: $0.offset, shape: $0.shape)
        }
    }
}
