import Kernels

/// The attention of a network's layers: which patterns there are, and which one each layer has.
struct NetworkPatterns: Sendable {
    let distinct: [LayerAttention]
    private let indices: [Int]
    private let rotaries: [RotaryTable?]

    init(_ model: ModelConfiguration, _ shape: NetworkShape, networkIndex: Int, longestSegment: Int) {
        let layers = LayerAttention.layers(model, shape, networkIndex: networkIndex).map {
            $0.folded(model, headSize: shape.headSize)
        }
        var distinct: [LayerAttention] = []
        indices = layers.map { layer in
            if let index = distinct.firstIndex(of: layer) { return index }
            distinct.append(layer)
            return distinct.count - 1
        }
        self.distinct = distinct
        func table(_ base: Double) -> RotaryTable? {
            model.positions == .rotary
                ? RotaryTable(headSize: shape.headSize, positions: longestSegment, base: base) : nil
        }
        let general = table(model.rotaryBase)
        let local = model.attention.localRotaryBase.flatMap(table)
        rotaries = layers.map { $0.kind == .full ? general : local ?? general }
    }

    func index(layer: Int) -> Int { indices[layer] }
    func rotary(layer: Int) -> RotaryTable? { rotaries[layer] }

    /// Whether keys and values of all tokens are computed for global queries.
    var hasGlobalKeys: Bool { distinct.contains { $0.hasGlobalProjections && $0.foldedQueriesPerDocument == nil } }
    var hasGlobalProjections: Bool { distinct.contains { $0.hasGlobalProjections } }

    /// Most global tokens of a chunk.
    func globalCapacity(tokens: Int, longestSegment: Int) -> Int {
        distinct.compactMap(\.globalTokens).map { $0.capacity(tokens: tokens, longestSegment: longestSegment) }.max()
            ?? 0
    }

    /// Most keys that a bundle packs.
    func keyCapacity(longestSegment: Int, globalCapacity: Int) -> Int {
        longestSegment + min(longestSegment, globalCapacity)
    }

    /// Units of attention of a chunk that threads divide: enough for as many threads as a machine is likely to have, few enough
    /// that what each leaves is small.
    static let units = 16

    func blocks(_ pass: LanePass, tokens: UnsafeBufferPointer<Int32>) -> [AttentionBlocks] {
        distinct.map { $0.blocks(pass.chunk, tokens: tokens, slices: pass.sliceRows, units: Self.units) }
    }
}
