extension ModelConfiguration {
    /// Mean number of keys that a query of segments of these lengths sees, over the discriminator's layers.
    public func meanAttendedTokens(segments: [Int]) -> Double {
        let layers = LayerAttention.layers(self, discriminatorShape, networkIndex: 1)
        var known: [(layer: LayerAttention, tokens: Double)] = []
        let total = layers.reduce(0.0) { sum, layer in
            if let same = known.first(where: { $0.layer == layer }) { return sum + same.tokens }
            let tokens = layer.meanAttendedTokens(segments: segments)
            known.append((layer, tokens))
            return sum + tokens
        }
        return total / Double(layers.count)
    }
}
