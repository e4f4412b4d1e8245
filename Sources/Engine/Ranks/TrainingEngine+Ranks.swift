/// What ranks hold apart, brought together for a checkpoint and back.
extension TrainingEngine {
    /// The first rank gets the moments that others keep. Every rank has to call it; nothing happens where there is only one.
    public func gatherState() throws { try exchange?.gather(state.optimizer.map(\.buffer)) }

    /// Every rank gets the weights of the first, and of its moments those that it is to keep.
    public func distributeState() throws {
        guard let exchange else { return }
        try exchange.group.broadcast(state.weights.bytes, for: "the weights")
        try exchange.scatter(state.optimizer.map(\.buffer))
        weightsChanged()
    }
}
