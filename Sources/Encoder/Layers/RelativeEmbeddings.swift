import Kernels

/// A network's table of relative positions in disentangled attention (He et al. 2020, arXiv 2006.03654, section 3.1), behind
/// a norm as in DeBERTa's second version. All layers read it through projections of their own.
struct RelativeEmbeddings: Sendable {
    /// `[2 · buckets, hidden]`.
    private let table: ParameterSlot
    private let norm: Norm
    /// Rows of distances that occur.
    let rows: Range<Int>
    /// Which of them stands for which distance.
    let layout: AttentionKernel.RelativeLayout
    private let normalized: ActivationSlot
    private let gradient: ActivationSlot
    let workspace: Workspace

    /// Memory that layers use in turn.
    struct Workspace: Sendable {
        /// What a layer reads, after its dropout, or the gradient: `[rows, hidden]`.
        let input: ActivationSlot
        /// The gradient of its queries and keys, `[rows, 2 · hidden]`.
        let gradient: ActivationSlot
        /// For the kernel.
        let packed: ActivationSlot
    }

    init(_ context: inout EncoderNetwork.BuildContext) {
        let shape = context.shape
        let buckets = RelativePositionBuckets(context.model.attention)
        let reach = context.longestSegment - 1
        let rows = buckets.row(-reach)..<buckets.row(reach) + 1
        self.rows = rows
        layout = .init(longest: context.longestSegment, rowCount: rows.count) { buckets.row($0) - rows.lowerBound }
        table = context.parameters.table("relative_positions", count: buckets.rowCount, width: shape.hiddenSize)
        norm = Norm(
            context.parameters.norm("relative_norm", shape.hiddenSize), &context.plan, context.model.normalization,
            tokens: rows.count)
        normalized = context.plan.reserve(rows.count * shape.hiddenSize)
        gradient = context.plan.reserve(rows.count * shape.hiddenSize)
        workspace = Workspace(
            input: context.plan.reserve(rows.count * shape.hiddenSize),
            gradient: context.plan.reserve(rows.count * 2 * shape.hiddenSize),
            packed: context.plan.reserve(
                AttentionKernel.RelativePositions.packedCount(
                    layout, headCount: shape.headCount, headSize: shape.headSize)))
    }

    private func tableRows(_ buffer: UnsafeMutablePointer<Float>) -> Matrix {
        table.matrix(buffer).rows(rows.lowerBound, rows.count)
    }

    /// What layers project, after `prepare`: `[rows, hidden]`.
    func normalized(_ pass: LanePass) -> Matrix {
        normalized.matrix(pass, rows: rows.count, columns: table.columns)
    }

    /// Where layers add the gradient of that, between `beginBackward` and `endBackward`.
    func gradient(_ pass: LanePass) -> Matrix { gradient.matrix(pass, rows: rows.count, columns: table.columns) }

    /// To be called before the first layer.
    func prepare(_ pass: LanePass) { norm.forward(tableRows(pass.weights), into: normalized(pass), pass) }

    func beginBackward(_ pass: LanePass) { gradient(pass).zero() }

    func endBackward(_ pass: LanePass) {
        norm.backward(
            upstream: gradient(pass), x: tableRows(pass.weights), into: tableRows(pass.gradient), accumulate: true,
            pass)
    }
}

/// A layer's queries and keys of relative positions, by the projections that the tokens' have (`share_att_key` of the
/// release).
struct RelativeProjection: Sendable {
    private let embeddings: RelativeEmbeddings
    /// Of queries, then keys: `[2 · hidden, hidden]`.
    private let weight: ParameterSlot
    private let bias: OptionalBias
    private let scale: Float
    private let kernel: AttentionKernel
    private let dropout: DropoutSite
    /// `[rows, 2 · hidden]`.
    private let projected: ActivationSlot

    /// - Parameters:
    ///   - weight, bias: of the layer's queries, keys and values.
    ///   - scale: of the queries.
    init(
        _ context: inout EncoderNetwork.BuildContext, _ embeddings: RelativeEmbeddings, weight: ParameterSlot,
        bias: OptionalBias, scale: Float, dropout: DropoutSite
    ) {
        self.embeddings = embeddings
        self.weight = ParameterSlot(offset: weight.offset, rows: 2 * weight.columns, columns: weight.columns)
        context.parameters.multiplies(self.weight)
        self.bias = bias
        self.scale = scale
        self.dropout = dropout
        kernel = AttentionKernel(headCount: context.shape.headCount, headSize: context.shape.headSize)
        projected = context.plan.reserve(embeddings.rows.count * 2 * weight.columns)
    }

    var rowCount: Int { embeddings.rows.count }

    /// The table behind the layer's dropout, which is the same for all chunks of a step.
    private func input(_ pass: LanePass) -> Matrix {
        let normalized = embeddings.normalized(pass)
        guard let decisions = dropout.decisions(pass) else { return normalized }
        let input = embeddings.workspace.input.matrix(pass, rows: rowCount, columns: weight.columns)
        input.base.update(from: normalized.base, count: rowCount * weight.columns)
        Kernels.applyDropout(input, decisions, firstRow: embeddings.rows.lowerBound)
        return input
    }

    private func projected(_ pass: LanePass) -> Matrix {
        projected.matrix(pass, rows: rowCount, columns: weight.rows)
    }

    /// What the kernel reads, after `prepare` or `beginBackward`, until another layer's.
    func positions(_ pass: LanePass) -> AttentionKernel.RelativePositions {
        AttentionKernel.RelativePositions(
            embeddings.workspace.packed.vector(pass), layout: embeddings.layout, headCount: kernel.headCount,
            headSize: kernel.headSize)
    }

    func prepare(_ pass: LanePass) {
        let table = projected(pass)
        pass.project(input(pass), by: weight, into: table)
        Kernels.prepareHeads(
            table, bias: bias.vector(pass), headSize: kernel.headSize, rotatedColumns: weight.columns, scale: scale,
            rotary: nil, positions: [])
        positions(pass).pack(table, forBackward: false)
    }

    /// The gradient of the projected table, which the kernel or its units add to: `[rows, 2 · hidden]`.
    func gradient(_ pass: LanePass) -> Matrix {
        embeddings.workspace.gradient.matrix(pass, rows: rowCount, columns: weight.rows)
    }

    func beginBackward(_ pass: LanePass) {
        positions(pass).pack(projected(pass), forBackward: true)
        gradient(pass).zero()
    }

    /// From the gradient of the projected table to those of weights, biases and the network's table.
    func endBackward(_ pass: LanePass) {
        let upstream = gradient(pass)
        Kernels.prepareHeadsBackward(
            upstream, headSize: kernel.headSize, rotatedColumns: weight.columns, scale: scale, rotary: nil,
            positions: [], biasGradient: bias.gradient(pass))
        pass.addGradient(of: weight, upstream: upstream, input: input(pass))
        guard let decisions = dropout.decisions(pass) else {
            return pass.projectBack(upstream, by: weight, into: embeddings.gradient(pass), accumulate: true)
        }
        let gradient = embeddings.workspace.input.matrix(pass, rows: rowCount, columns: weight.columns)
        pass.projectBack(upstream, by: weight, into: gradient)
        Kernels.applyDropout(gradient, decisions, firstRow: embeddings.rows.lowerBound)
        Kernels.add(gradient, to: embeddings.gradient(pass))
    }

    /// What relative positions add to a score.
    func score(
        query: UnsafePointer<Float>, key: UnsafePointer<Float>, head: Int, distance: Int, _ pass: LanePass
    ) -> Float {
        let row = projected(pass).row(embeddings.layout.row(distance: distance)) + head * kernel.headSize
        return (0..<kernel.headSize).reduce(Float(0)) {
            $0 + query[$1] * row[weight.columns + $1] + key[$1] * row[$1]
        }
    }
}
