import Kernels

/// What global queries see with projections of their own where a document has few of them: keys and values of all tokens
/// are not computed (`FoldedAttention`), which spares Longformer a seventh of its products.
struct FoldedGlobalQueries: Sendable {
    private let keys: ParameterSlot
    private let values: ParameterSlot
    /// Of the keys, then of the values.
    private let biases: OptionalBias
    private let kernel: FoldedAttention
    private let headCount: Int
    private let memory: Memory

    /// Memory that layers use in turn.
    struct Memory: Sendable {
        /// Parts of the inputs' gradient: for every document, its heads and queries, probabilities and slopes of all
        /// tokens.
        let coefficients: ActivationSlot
        /// The vectors that they multiply, `[global tokens, heads, 2, hidden]`.
        let vectors: ActivationSlot
        let scratch: ActivationSlot
        /// Global tokens of a document.
        let mostPerDocument: Int

        init?(
            _ plan: inout ActivationPlan, _ shape: NetworkShape, _ patterns: NetworkPatterns, tokens: Int,
            longestSegment: Int, globals: Int
        ) {
            guard let most = patterns.distinct.compactMap(\.foldedQueriesPerDocument).max() else { return nil }
            let kernel = FoldedAttention(headSize: shape.headSize, width: shape.hiddenSize)
            mostPerDocument = most
            coefficients = plan.reserve(2 * shape.headCount * most * tokens)
            vectors = plan.reserve(2 * shape.headCount * shape.hiddenSize * globals)
            scratch = plan.reserveScratch(kernel.scratchCount(inputs: longestSegment))
        }
    }

    /// - Parameters:
    ///   - keys, values: `[hidden, hidden]`.
    ///   - biases: `[2 · hidden]`.
    init?(
        _ context: EncoderNetwork.BuildContext, keys: ParameterSlot, values: ParameterSlot, biases: OptionalBias
    ) {
        guard let memory = context.workspace.foldedQueries else { return nil }
        self.keys = keys
        self.values = values
        self.biases = biases
        self.memory = memory
        headCount = context.shape.headCount
        kernel = FoldedAttention(headSize: context.shape.headSize, width: context.shape.hiddenSize)
    }

    /// Units of work: a head of a document each.
    private func forEachUnit(
        _ documents: [AttentionBlocks.GlobalDocument], _ pass: LanePass,
        _ body: @escaping @Sendable (_ document: AttentionBlocks.GlobalDocument, _ head: Int, _ pass: LanePass) -> Void
    ) {
        pass.forEachUnit(documents.count * headCount) { [headCount] unit, pass in
            body(documents[unit / headCount], unit % headCount, pass)
        }
    }

    private func projection(
        _ slot: ParameterSlot, _ parameters: UnsafeMutablePointer<Float>, bias: UnsafeMutablePointer<Float>, head: Int
    ) -> FoldedAttention.Projection {
        FoldedAttention.Projection(
            weights: slot.matrix(parameters).rows(head * kernel.headSize, kernel.headSize),
            bias: bias + head * kernel.headSize)
    }

    private func sight(
        _ document: AttentionBlocks.GlobalDocument, _ inputs: Matrix, head: Int, row: Int, _ dropout: DropoutStream?,
        _ pass: LanePass
    ) -> FoldedAttention.Sight {
        FoldedAttention.Sight(
            inputs: inputs.rows(document.rows.lowerBound, document.rows.count),
            keys: projection(keys, pass.weights, bias: biases.vector(pass), head: head),
            values: projection(values, pass.weights, bias: biases.vector(pass) + kernel.width, head: head),
            dropout: dropout, head: head, dropoutRow: pass.chunk.firstRow + row)
    }

    /// - Parameters:
    ///   - inputs: all rows of the chunk.
    ///   - queries: all rows; those of global tokens are read.
    ///   - output: all rows; those of global tokens are written.
    func forward(
        _ inputs: Matrix, queries: Matrix, _ blocks: AttentionBlocks, dropout: DropoutStream?, output: Matrix,
        logSumExp: UnsafeMutablePointer<Float>, _ pass: LanePass
    ) {
        let logSumExp = Matrix(logSumExp, rows: headCount, columns: output.rows)
        forEachUnit(blocks.globalDocuments, pass) { document, head, pass in
            for place in document.places {
                let row = blocks.globalRows[place]
                let at = head * kernel.headSize
                logSumExp.row(head)[row] = kernel.forward(
                    query: queries.row(row) + at,
                    sight(document, inputs, head: head, row: row, dropout, pass), output: output.row(row) + at,
                    scratch: memory.scratch.vector(pass))
            }
        }
    }

    /// Adds to the gradients of both projections, writes that of the queries, and leaves that of the inputs behind.
    func backward(
        upstream: Matrix, _ inputs: Matrix, queries: Matrix, _ blocks: AttentionBlocks, dropout: DropoutStream?,
        output: Matrix, logSumExp: UnsafeMutablePointer<Float>, queryGradient: Matrix, _ pass: LanePass
    ) {
        let logSumExp = Matrix(logSumExp, rows: headCount, columns: output.rows)
        forEachUnit(blocks.globalDocuments, pass) { document, head, pass in
            let (coefficients, vectors) = inputGradient(document, pass)
            for (index, place) in document.places.enumerated() {
                let row = blocks.globalRows[place]
                let at = head * kernel.headSize
                let part = 2 * (head * document.places.count + index)
                kernel.backward(
                    upstream: upstream.row(row) + at, query: queries.row(row) + at,
                    sight(document, inputs, head: head, row: row, dropout, pass), output: output.row(row) + at,
                    logSumExp: logSumExp.row(head)[row],
                    keyGradient: projection(keys, pass.gradient, bias: biases.gradient(pass), head: head),
                    valueGradient: projection(
                        values, pass.gradient, bias: biases.gradient(pass) + kernel.width, head: head),
                    queryGradient: queryGradient.row(row) + at,
                    inputGradient: .init(
                        probabilities: coefficients.row(part), slopes: coefficients.row(part + 1),
                        value: vectors.row(part), key: vectors.row(part + 1)),
                    scratch: memory.scratch.vector(pass))
            }
        }
    }

    /// The parts of a document's gradient: `[parts, tokens]` and `[parts, hidden]`.
    private func inputGradient(
        _ document: AttentionBlocks.GlobalDocument, _ pass: LanePass
    ) -> (coefficients: Matrix, vectors: Matrix) {
        let parts = 2 * headCount * document.places.count
        return (
            Matrix(
                memory.coefficients.vector(pass) + 2 * headCount * memory.mostPerDocument * document.rows.lowerBound,
                rows: parts, columns: document.rows.count),
            Matrix(
                memory.vectors.vector(pass) + 2 * headCount * kernel.width * document.places.lowerBound, rows: parts,
                columns: kernel.width)
        )
    }

    /// Adds what `backward` left behind for the pass's rows.
    func addInputGradient(to gradient: Matrix, _ blocks: AttentionBlocks, _ pass: LanePass) {
        let slice = pass.rowOffset..<pass.rowOffset + pass.rows
        for document in blocks.globalDocuments {
            let rows = document.rows.clamped(to: slice)
            guard !rows.isEmpty else { continue }
            let (coefficients, vectors) = inputGradient(document, pass)
            Kernels.multiply(
                transposed: coefficients.columns(rows.lowerBound - document.rows.lowerBound, rows.count), vectors,
                into: gradient.rows(rows.lowerBound - slice.lowerBound, rows.count), accumulate: true)
        }
    }
}
