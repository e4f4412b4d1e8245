import Kernels

/// What attention of long sequences leaves behind for the sum over its units (`UnitGradients`): how much memory that is, from
/// lengths alone.
extension LayerAttention {
    /// The most floats that units of a chunk leave behind: of keys where it is one document, and of relative positions where it is
    /// as many as make the most units.
    ///
    /// - Parameters:
    ///   - slices, units: as `blocks` has them.
    ///   - relativeRows: rows of a table of relative positions; 0 without one.
    package func unitFloats(slices: [Range<Int>], units: Int, headSize: Int, relativeRows: Int) -> Int {
        let tokens = slices.last?.upperBound ?? 0
        let width = 2 * headCount * headSize
        let most = slices.count > 1 ? units : 1
        switch kind {
        case .full:
            let wanted = Self.units(most, ofHeads: headCount)
            let keys = Self.parts(units: most, headCount: headCount, rows: tokens) * tokens
            return width * (keys + (wanted > 1 ? 3 * wanted - 1 : 1) * relativeRows)
        case .window(let halfWidth, let dilations):
            let globals = globalTokens.map { min($0.mostPerDocument, tokens) } ?? 0
            // Keys begin at every sixteenth of those that are seen by one head.
            let beyond = (2 * halfWidth + 16) * (dilations.max() ?? 1)
            let windows = slices.reduce(0) { $0 + min(tokens, $1.count + beyond) + globals }
            let parts =
                globals == 0 || foldedQueriesPerDocument != nil
                ? 0 : Self.parts(units: most, headCount: headCount, rows: globals)
            return width * (windows + parts * tokens)
        case .blocks(let sparsity):
            let blocks = (tokens + sparsity.size - 1) / sparsity.size
            return width * tokens * Self.parts(Self.units(most, ofHeads: headCount), blocks: blocks)
        }
    }
}

extension ModelConfiguration {
    /// The most floats that any layer's units leave behind where threads divide sequences of one document.
    ///
    /// - Parameters:
    ///   - tokens: of the longest sequence.
    ///   - sliceTokens, laneCount: as threads divide it.
    ///   - hasGenerator: without one its shape is none.
    package func unitFloats(tokens: Int, sliceTokens: Int, laneCount: Int, hasGenerator: Bool) -> Int {
        let slices = SliceTeam.slices(tokens: tokens, sliceTokens: sliceTokens, laneCount: laneCount)
        let buckets = RelativePositionBuckets(attention)
        let relativeRows = attention.disentangled ? buckets.row(tokens - 1) - buckets.row(1 - tokens) + 1 : 0
        let networks = [(0, generatorShape), (1, discriminatorShape)].filter { hasGenerator || $0.0 == 1 }
        return networks.flatMap { index, shape in
            LayerAttention.layers(self, shape, networkIndex: index).map {
                $0.folded(self, headSize: shape.headSize).unitFloats(
                    slices: slices, units: NetworkPatterns.units, headSize: shape.headSize, relativeRows: relativeRows)
            }
        }.max() ?? 0
    }
}
