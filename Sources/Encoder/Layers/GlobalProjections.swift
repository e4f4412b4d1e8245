import Kernels

/// Projections of global queries, and of the keys and values that they read (Longformer, arXiv 2004.05150, section 3.1).
///
/// Keys and values are those of all tokens, unless queries are folded; queries take the places that the shared projection
/// has for those of global tokens, which nobody else asks for.
struct GlobalProjections: Sendable {
    private let query: ParameterSlot
    private let queryBias: OptionalBias
    /// Back to back: `[2 · hidden, hidden]`.
    private let keyValue: ParameterSlot
    private let keyValueBias: OptionalBias
    private let headSize: Int
    private let scale: Float
    private let rotary: RotaryTable?

    /// `[n, 2 · hidden]`.
    private let keysAndValues: ActivationSlot
    private let workspace: Workspace
    /// What computes the queries instead of bundles, without keys and values.
    let folded: FoldedGlobalQueries?

    init(
        _ context: inout EncoderNetwork.BuildContext, name: String, rotary: RotaryTable?, scale: Float,
        isFolded: Bool
    ) {
        let hidden = context.shape.hiddenSize
        let isBiased = context.model.biases
        func matrix(_ part: String, fused: Bool) -> ParameterSlot {
            context.parameters.matrix(
                "\(name).global_\(part).weight", output: hidden, input: hidden, role: .hidden, fused: fused)
        }
        func bias(_ part: String, fused: Bool) -> ParameterSlot? {
            isBiased ? context.parameters.bias("\(name).global_\(part).bias", hidden, fused: fused) : nil
        }
        query = matrix("query", fused: false)
        let key = matrix("key", fused: false)
        _ = matrix("value", fused: true)
        keyValue = ParameterSlot(offset: key.offset, rows: 2 * hidden, columns: hidden)
        let ofQuery = bias("query", fused: false)
        let ofKey = bias("key", fused: false)
        _ = bias("value", fused: true)
        queryBias = OptionalBias(ofQuery, count: hidden, &context.plan)
        keyValueBias = OptionalBias(
            ofKey.map { ParameterSlot(offset: $0.offset, rows: 1, columns: 2 * hidden) }, count: 2 * hidden,
            &context.plan)
        headSize = context.shape.headSize
        self.scale = scale
        self.rotary = rotary
        keysAndValues = context.plan.reserve(isFolded ? 0 : context.tokens * 2 * hidden)
        folded =
            isFolded
            ? FoldedGlobalQueries(
                context, keys: ParameterSlot(offset: keyValue.offset, rows: hidden, columns: hidden),
                values: ParameterSlot(offset: keyValue.offset + hidden * hidden, rows: hidden, columns: hidden),
                biases: keyValueBias) : nil
        workspace = context.workspace
    }

    private var width: Int { query.rows }

    /// The pass's global tokens, as rows of the pass.
    private func globalRows(_ blocks: AttentionBlocks, _ pass: LanePass) -> [Int32] {
        let globalRows = blocks.globalRows
        return globalRows[places(globalRows, pass)].map { Int32($0 - pass.rowOffset) }
    }

    /// Which of the chunk's global tokens are the pass's.
    private func places(_ globalRows: [Int], _ pass: LanePass) -> Range<Int> {
        func lowerBound(_ row: Int) -> Int {
            var low = 0
            var high = globalRows.count
            while low < high {
                let middle = (low + high) / 2
                if globalRows[middle] < row { low = middle + 1 } else { high = middle }
            }
            return low
        }
        return lowerBound(pass.rowOffset)..<lowerBound(pass.rowOffset + pass.rows)
    }

    /// - Parameter queries: of the pass's rows; those of global tokens are overwritten.
    func prepare(_ input: Matrix, queries: Matrix, _ blocks: AttentionBlocks, _ pass: LanePass) {
        if folded == nil {
            let kv = keysAndValues.matrix(pass, rows: pass.rows, columns: 2 * width)
            pass.project(input, by: keyValue, into: kv)
            Kernels.prepareHeads(
                kv, bias: keyValueBias.vector(pass), headSize: headSize, rotatedColumns: width, scale: 1,
                rotary: rotary, positions: pass.chunk.positions)
        }
        let rows = globalRows(blocks, pass)
        guard !rows.isEmpty else { return }
        let gathered = gatheredInputs(input, rows, pass)
        let own = Matrix(workspace.globalQueries.vector(pass), rows: rows.count, columns: width)
        pass.project(gathered, by: query, into: own)
        Kernels.prepareHeads(
            own, bias: queryBias.vector(pass), headSize: headSize, rotatedColumns: width, scale: scale,
            rotary: rotary, positions: rows.map { pass.chunk.positions[Int($0)] })
        for (index, row) in rows.enumerated() { queries.row(Int(row)).update(from: own.row(index), count: width) }
    }

    private func gatheredInputs(_ input: Matrix, _ rows: [Int32], _ pass: LanePass) -> Matrix {
        let gathered = Matrix(workspace.globalInputs.vector(pass), rows: rows.count, columns: width)
        rows.withUnsafeBufferPointer { Kernels.gatherRows(input, $0, into: gathered) }
        return gathered
    }

    /// What bundles of global queries read: the queries with keys and values of their own, of the whole chunk.
    func source(queries: Matrix, _ pass: LanePass) -> AttentionKernel.Input {
        let kv = keysAndValues.matrix(pass, rows: pass.rows, columns: 2 * width)
        return AttentionKernel.Input(queries: queries, keys: kv.columns(0, width), values: kv.columns(width, width))
    }

    func gradient(queries: Matrix, _ pass: LanePass) -> AttentionKernel.Gradient {
        let kv = keyValueGradient(pass)
        return AttentionKernel.Gradient(queries: queries, keys: kv.columns(0, width), values: kv.columns(width, width))
    }

    private func keyValueGradient(_ pass: LanePass) -> Matrix {
        workspace.globalKeysAndValues.matrix(pass, rows: pass.rows, columns: 2 * width)
    }

    func clearKeyValueGradient(_ pass: LanePass) {
        if folded == nil { keyValueGradient(pass).zero() }
    }

    /// Sums what units have left for the pass's rows.
    func collectKeyValueGradient(_ sums: UnitGradients, _ pass: LanePass) {
        if folded == nil { sums.collect(into: keyValueGradient(pass), ofGlobalQueries: true, pass) }
    }

    /// Takes the gradients of global tokens' queries out of those of the shared projection.
    func takeQueryGradient(from queries: Matrix, _ blocks: AttentionBlocks, _ pass: LanePass) {
        let own = workspace.globalQueries.vector(pass)
        for (index, row) in globalRows(blocks, pass).enumerated() {
            let gradient = queries.row(Int(row))
            (own + index * width).update(from: gradient, count: width)
            gradient.update(repeating: 0, count: width)
        }
    }

    /// Adds to the gradients of the projections and of the input, once those of the queries have been taken.
    func backward(input: Matrix, inputGradient: Matrix, _ blocks: AttentionBlocks, _ pass: LanePass) {
        if let folded {
            folded.addInputGradient(to: inputGradient, blocks, pass)
        } else {
            let kvGradient = keyValueGradient(pass)
            Kernels.prepareHeadsBackward(
                kvGradient, headSize: headSize, rotatedColumns: width, scale: 1, rotary: rotary,
                positions: pass.chunk.positions, biasGradient: keyValueBias.gradient(pass))
            pass.addGradient(of: keyValue, upstream: kvGradient, input: input)
            pass.projectBack(kvGradient, by: keyValue, into: inputGradient, accumulate: true)
        }
        let rows = globalRows(blocks, pass)
        guard !rows.isEmpty else { return }
        let gradient = Matrix(workspace.globalQueries.vector(pass), rows: rows.count, columns: width)
        let gathered = gatheredInputs(input, rows, pass)
        Kernels.prepareHeadsBackward(
            gradient, headSize: headSize, rotatedColumns: width, scale: scale, rotary: rotary,
            positions: rows.map { pass.chunk.positions[Int($0)] }, biasGradient: queryBias.gradient(pass))
        pass.addGradient(of: query, upstream: gradient, input: gathered)
        // The inputs have been read for the last time: their gradients take their place.
        pass.projectBack(gradient, by: query, into: gathered)
        rows.withUnsafeBufferPointer { Kernels.scatterAddRows(gathered, $0, into: inputGradient) }
    }
}
