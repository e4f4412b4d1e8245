import Kernels

/// One worker carrying one chunk through the networks: where weights are read, gradients added, activations kept.
public struct LanePass: @unchecked Sendable {
    /// The parameter buffer.
    public let weights: UnsafeMutablePointer<Float>
    /// The lane's gradient buffer, which mirrors it; nil when nothing is learned.
    public let gradients: UnsafeMutablePointer<Float>?
    /// The worker's activation memory.
    public let arena: UnsafeMutablePointer<Float>
    /// Dropout decisions of the step; nil in evaluation.
    public let dropout: DropoutStream?
    public let chunk: ChunkGeometry
    let attention: AttentionCache
    /// What holds nothing from one visit to the next; the worker's own where threads divide a chunk.
    let scratch: UnsafeMutablePointer<Float>
    /// Where the pass's rows begin within the activations: a slice of a chunk begins later.
    let rowOffset: Int
    /// Whether the rows are a slice of a chunk that threads divide.
    let isSlice: Bool
    /// The threads that divide the chunk; nil where one carries it, and in a slice.
    let team: SliceTeam?
    /// Of an analysis; nil in training.
    package var inspection: LayerInspection?
    /// Ends the pass early, if anything can.
    package var cancellation: PassCancellation?
    /// Told of each layer whose parameters the backward pass adds no more gradients to: of which network, and its index.
    package var didFinishLayer: (@Sendable (NetworkKind, Int) -> Void)?
    /// Which copies of adapters it takes; nil: their mean.
    public var adapterRoute: AdapterRoute?
    /// Whether weights of the encoder, as opposed to those of a task on top of it, need no gradients.
    public var isEncoderFixed = false
    /// How linear layers and the vocabulary multiply.
    public var products = PassProducts.float32

    public init(
        weights: UnsafeMutablePointer<Float>, gradients: UnsafeMutablePointer<Float>?,
        arena: UnsafeMutablePointer<Float>, dropout: DropoutStream?, chunk: ChunkGeometry
    ) {
        self.weights = weights
        self.gradients = gradients
        self.arena = arena
        self.dropout = dropout
        self.chunk = chunk
        attention = AttentionCache()
        scratch = arena
        rowOffset = 0
        isSlice = false
        team = nil
    }

    /// A pass of a chunk that threads divide.
    ///
    /// - Parameters:
    ///   - gradients: of every lane; empty when nothing is learned.
    ///   - arena: the chunk's activations, one for all threads.
    public init(
        weights: UnsafeMutablePointer<Float>, arena: UnsafeMutablePointer<Float>, dropout: DropoutStream?,
        chunk: ChunkGeometry, team: SliceTeam
    ) {
        self.init(
            weights: weights, gradients: team.gradients.first, arena: arena, dropout: dropout, chunk: chunk,
            attention: AttentionCache(memory: team.memory), scratch: team.scratch[0], rowOffset: 0, isSlice: false,
            team: team)
    }

    private init(
        weights: UnsafeMutablePointer<Float>, gradients: UnsafeMutablePointer<Float>?,
        arena: UnsafeMutablePointer<Float>, dropout: DropoutStream?, chunk: ChunkGeometry, attention: AttentionCache,
        scratch: UnsafeMutablePointer<Float>, rowOffset: Int, isSlice: Bool, team: SliceTeam?
    ) {
        self.weights = weights
        self.gradients = gradients
        self.arena = arena
        self.dropout = dropout
        self.chunk = chunk
        self.attention = attention
        self.scratch = scratch
        self.rowOffset = rowOffset
        self.isSlice = isSlice
        self.team = team
    }

    /// The same pass for some of its rows, or for all of them, by one thread.
    func part(
        _ chunk: ChunkGeometry, rowOffset: Int, gradients: UnsafeMutablePointer<Float>?,
        scratch: UnsafeMutablePointer<Float>
    ) -> LanePass {
        var pass = LanePass(
            weights: weights, gradients: gradients, arena: arena, dropout: dropout, chunk: chunk,
            attention: attention, scratch: scratch, rowOffset: rowOffset, isSlice: true, team: nil)
        pass.products = products
        return pass
    }

    /// Whether to leave out what comes next, as nobody wants the result any more.
    var isCut: Bool { cancellation?.cuts() ?? false }

    /// The same pass of which nothing is learned: without dropout and gradients, by as many threads.
    package var withoutLearning: LanePass {
        var pass = LanePass(
            weights: weights, gradients: nil, arena: arena, dropout: nil, chunk: chunk, attention: attention,
            scratch: scratch, rowOffset: rowOffset, isSlice: isSlice, team: team)
        pass.inspection = inspection
        pass.cancellation = cancellation
        pass.products = products
        return pass
    }

    public var rows: Int { chunk.tokenCount }

    /// The pass's rows of a matrix that has all rows of the chunk.
    public func rows(of matrix: Matrix) -> Matrix { matrix.rows(rowOffset, rows) }

    /// The gradient buffer, in a backward pass.
    public var gradient: UnsafeMutablePointer<Float> {
        guard let gradients else { preconditionFailure("a backward pass without gradients") }
        return gradients
    }
}

/// Dropout of one tensor of a model: which stream it draws from, and how much it drops.
package struct DropoutSite: Sendable {
    package let stream: UInt32
    let probability: Double

    /// - Parameters:
    ///   - network: 0 for the generator, 1 for the discriminator.
    ///   - layer: −1 for the embeddings.
    ///   - site: within the layer; attention heads take `headCount` streams from the one of their site.
    package init(network: Int, layer: Int, site: Site, probability: Double) {
        stream = UInt32(network) << 30 | UInt32(layer + 1) << 16 | site.rawValue << 13
        self.probability = probability
    }

    package enum Site: UInt32 {
        case attentionProbabilities = 0
        case attentionOutput = 1
        case feedForwardOutput = 2
        case embeddings = 3
        case relativePositions = 4
    }

    /// The decisions of a pass, or nil where nothing is dropped.
    package func decisions(_ pass: LanePass) -> DropoutStream? {
        guard probability > 0, let base = pass.dropout else { return nil }
        return base.stream(stream, probability: probability)
    }
}
