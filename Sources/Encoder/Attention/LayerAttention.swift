import Kernels

/// Which tokens see which in one layer of one network; all that remains of a configured pattern.
package struct LayerAttention: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case full
        /// - Parameters:
        ///   - halfWidth: keys on either side of the query.
        ///   - dilations: distance from key to key, of every head.
        case window(halfWidth: Int, dilations: [Int])
        case blocks(BlockSparsity)
    }

    /// BigBird's blocks.
    package struct BlockSparsity: Sendable, Equatable {
        package var size: Int
        package var global: Int
        package var window: Int
        package var random: Int
        package var seed: UInt64
        /// Network and layer, which draw blocks of their own.
        package var stream: UInt32
    }

    package let kind: Kind
    package let headCount: Int
    /// Of windows.
    package let globalTokens: GlobalTokens?

    /// Most global tokens of a document where their queries are computed by `FoldedGlobalQueries`.
    private(set) var foldedQueriesPerDocument: Int?

    /// The same pattern with global queries folded where that is possible and pays: where they have projections of their
    /// own, whose keys do not depend on positions, and are so few that folding costs a quarter at most.
    func folded(_ model: ModelConfiguration, headSize: Int) -> LayerAttention {
        guard let globalTokens, globalTokens.hasOwnProjections, model.positions != .rotary,
            model.relativeBias.sharing == .none, 4 * globalTokens.mostPerDocument <= headSize
        else { return self }
        var pattern = self
        pattern.foldedQueriesPerDocument = globalTokens.mostPerDocument
        return pattern
    }

    /// Whether global queries have projections of their own here.
    package var hasGlobalProjections: Bool { globalTokens?.hasOwnProjections ?? false }

    /// The layers of a network, in order.
    ///
    /// A network of another depth or number of heads than the discriminator's takes windows and dilations by proportion.
    package static func layers(_ model: ModelConfiguration, _ shape: NetworkShape, networkIndex: Int)
        -> [LayerAttention]
    {
        let attention = model.attention
        let globals = GlobalTokens(attention)
        let dilations = (0..<shape.headCount).map { head in
            attention.dilations.isEmpty ? 1 : attention.dilations[head * attention.dilations.count / shape.headCount]
        }
        return (0..<shape.layerCount).map { index in
            let width =
                attention.windows.isEmpty
                ? attention.window : attention.windows[index * attention.windows.count / shape.layerCount]
            let window = LayerAttention(
                kind: .window(halfWidth: width / 2, dilations: dilations), headCount: shape.headCount,
                globalTokens: globals)
            let full = LayerAttention(kind: .full, headCount: shape.headCount, globalTokens: nil)
            switch attention.pattern {
            case .full: return full
            case .window: return window
            case .alternating: return index % attention.fullEvery == 0 ? full : window
            case .bigBird:
                let sparsity = BlockSparsity(
                    size: attention.blockSize, global: attention.globalBlocks, window: attention.windowBlocks,
                    random: attention.randomBlocks, seed: UInt64(attention.randomSeed),
                    stream: UInt32(networkIndex) << 16 | UInt32(index))
                return LayerAttention(kind: .blocks(sparsity), headCount: shape.headCount, globalTokens: nil)
            }
        }
    }

    /// Mean number of keys that a query of segments of these lengths sees, global tokens of ids left out.
    func meanAttendedTokens(segments: [Int]) -> Double {
        let total = segments.reduce(0) { $0 + $1 }
        guard total > 0 else { return 0 }
        return segments.reduce(0.0) { $0 + attendedPairs(length: $1) } / Double(total)
    }

    private func attendedPairs(length: Int) -> Double {
        let n = Double(length)
        switch kind {
        case .full: return n * n
        case .window(let halfWidth, let dilations):
            let pairs = dilations.reduce(0.0) { sum, dilation in
                let reach = min(halfWidth, (length - 1) / dilation)
                // Distances 0, ±d, ±2d, … that fit.
                let inside = (1...max(1, reach)).reduce(0) { $0 + 2 * max(0, length - $1 * dilation) }
                return sum + n + (reach > 0 ? Double(inside) : 0)
            }
            let globals = Double(globalTokens?.expectedCount(length: length) ?? 0)
            return min(n * n, pairs / Double(dilations.count) + 2 * globals * n)
        case .blocks(let sparsity):
            let blocks = Double((length + sparsity.size - 1) / sparsity.size)
            let seen = min(blocks, Double(sparsity.global + sparsity.window + sparsity.random))
            let global = min(blocks, Double(sparsity.global))
            return min(n * n, n * seen * Double(sparsity.size) + global * Double(sparsity.size) * n)
        }
    }
}

/// Which tokens are global.
package struct GlobalTokens: Sendable, Equatable {
    let kind: GlobalTokenKind
    let every: Int
    let ids: Set<Int32>
    let maximum: Int
    let hasOwnProjections: Bool

    init?(_ attention: AttentionConfiguration) {
        guard attention.globalTokens != .none else { return nil }
        kind = attention.globalTokens
        every = attention.globalEvery
        ids = Set(attention.globalIDs.map { Int32($0) })
        maximum = attention.maximumGlobalTokens
        hasOwnProjections = attention.globalProjections == .own
    }

    /// Most global tokens of a chunk of `tokens` tokens in sequences of at most `longestSegment`.
    func capacity(tokens: Int, longestSegment: Int) -> Int {
        switch kind {
        case .none: 0
        // Chunks hold at most twice as many sequences as full ones, and one at least.
        case .first: min(tokens, 2 * (tokens / longestSegment) + 2)
        // A document has at least one token.
        case .documents: tokens
        case .ids: tokens
        case .every: tokens
        }
    }

    /// Most global tokens of a document.
    var mostPerDocument: Int {
        switch kind {
        case .none: 0
        case .first, .documents: 1
        case .ids, .every: maximum
        }
    }

    func expectedCount(length: Int) -> Int {
        switch kind {
        case .none, .ids: 0
        case .first, .documents: 1
        case .every: (length + every - 1) / every
        }
    }

    /// The global tokens of a segment, as rows of the chunk, ascending.
    ///
    /// - Parameter isFirstOfSequence: whether the segment begins a sequence.
    package func rows(in segment: Range<Int>, tokens: UnsafeBufferPointer<Int32>, isFirstOfSequence: Bool) -> [Int] {
        switch kind {
        case .none: []
        case .first: isFirstOfSequence ? [segment.lowerBound] : []
        case .documents: [segment.lowerBound]
        case .ids: Array(segment.lazy.filter { ids.contains(tokens[$0]) }.prefix(maximum))
        case .every: Array(stride(from: segment.lowerBound, to: segment.upperBound, by: every).prefix(maximum))
        }
    }
}
