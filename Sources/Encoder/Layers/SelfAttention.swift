import Kernels

/// Multi-head self-attention (Vaswani et al. 2017, arXiv 1706.03762), confined to segments and to what the layer's pattern
/// shows.
///
/// In three parts, as threads may divide a chunk: `prepare` projects single rows, `mix` attends, `forward` projects single
/// rows again. Likewise backward: `beginBackward`, `mixBackward`, `backward`.
struct SelfAttention: Branch {
    /// Query, key and value weights back to back: `[3 · hidden, hidden]`.
    private let projection: ParameterSlot
    private let projectionBias: OptionalBias
    private let outputWeight: ParameterSlot
    let outputBias: OptionalBias
    /// Factors of the queries, and inverses of queries and keys, where these are normalized.
    private let headNorm: (gains: ParameterSlot, inverses: ActivationSlot)?
    private let normEpsilon: Double
    private let global: GlobalProjections?
    private let kernel: AttentionKernel
    private let scale: Float
    private let rotary: RotaryTable?
    private let relativeBias: RelativeBias?
    private let ownsRelativeBias: Bool
    private let relative: RelativeProjection?
    private let source: MaskDecoder.Source?
    private let dropout: DropoutSite
    private let networkIndex: Int
    private let pattern: Int

    // Kept for the backward pass.
    private let queryKeyValue: ActivationSlot
    private let mixed: ActivationSlot
    private let logSumExp: ActivationSlot
    /// Where they are worth their memory.
    private let probabilities: ActivationSlot?
    private let workspace: Workspace

    /// - Parameters:
    ///   - index: of the layer.
    ///   - dropout: of probabilities.
    ///   - positionDropout: of the table of relative positions.
    init(
        _ context: inout EncoderNetwork.BuildContext, name: String, index: Int, dropout: DropoutSite,
        positionDropout: DropoutSite
    ) {
        let shape = context.shape
        let hidden = shape.hiddenSize
        let isBiased = context.model.biases
        let names = ["query", "key", "value"]
        let weights = names.enumerated().map { index, part in
            context.parameters.matrix(
                "\(name).\(part).weight", output: hidden, input: hidden, role: .hidden, fused: index > 0,
                zero: part == "query" && context.model.initialization.zeroQueries)
        }
        let biases = names.enumerated().compactMap { index, part in
            isBiased ? context.parameters.bias("\(name).\(part).bias", hidden, fused: index > 0) : nil
        }
        projection = ParameterSlot(offset: weights[0].offset, rows: 3 * hidden, columns: hidden)
        context.parameters.multiplies(projection)
        projectionBias = OptionalBias(
            biases.first.map { ParameterSlot(offset: $0.offset, rows: 1, columns: 3 * hidden) }, count: 3 * hidden,
            &context.plan)
        headNorm =
            context.model.attention.queryKeyNorm
            ? (
                context.parameters.gains("\(name).query_gain", shape.headCount),
                context.plan.reserve(context.tokens * 2 * shape.headCount)
            ) : nil
        normEpsilon = context.model.normalization.epsilon
        rotary = context.patterns.rotary(layer: index)
        scale = Float(context.attentionScale)
        pattern = context.patterns.index(layer: index)
        global =
            context.patterns.distinct[pattern].hasGlobalProjections
            ? GlobalProjections(
                &context, name: name, rotary: rotary, scale: scale,
                isFolded: context.patterns.distinct[pattern].foldedQueriesPerDocument != nil) : nil
        outputWeight = context.parameters.matrix(
            "\(name).output.weight", output: hidden, input: hidden, role: .hidden, residualLayers: shape.layerCount)
        context.parameters.multiplies(outputWeight)
        outputBias = context.bias("\(name).output.bias", hidden, isBranchOutput: true)
        kernel = AttentionKernel(headCount: shape.headCount, headSize: shape.headSize)
        ownsRelativeBias = context.model.relativeBias.sharing == .perLayer
        relativeBias =
            ownsRelativeBias ? RelativeBias(&context, name: "\(name).relative_bias") : context.relativeBias
        let (weight, bias, queryScale) = (projection, projectionBias, scale)
        relative = context.relativeEmbeddings.map {
            RelativeProjection(
                &context, $0, weight: weight, bias: bias, scale: queryScale, dropout: positionDropout)
        }
        source = context.keyValueSource
        self.dropout = dropout
        networkIndex = context.networkIndex
        queryKeyValue = context.plan.reserve(context.tokens * 3 * hidden)
        mixed = context.plan.reserve(context.tokens * hidden)
        logSumExp = context.plan.reserve(context.tokens * shape.headCount)
        probabilities =
            context.keepsProbabilities(pattern)
            ? context.plan.reserve(kernel.probabilityCount(tokens: context.tokens, longest: context.longestSegment))
            : nil
        workspace = context.workspace
    }

    private func blocks(_ pass: LanePass) -> AttentionBlocks {
        pass.attention.blocks(network: networkIndex, pattern: pattern)
    }

    private var width: Int { kernel.headCount * kernel.headSize }

    /// Queries, keys and values of the pass's rows.
    func prepare(_ input: Matrix, _ pass: LanePass) {
        let qkv = queryKeyValue(pass)
        if let source = source?.states.matrix(pass, rows: pass.rows, columns: width) {
            pass.project(input, by: projection.rows(0, width), into: qkv.columns(0, width))
            pass.project(source, by: projection.rows(width, 2 * width), into: qkv.columns(width, 2 * width))
        } else {
            pass.project(input, by: projection, into: qkv)
        }
        pass.chunk.positions.withUnsafeBufferPointer { positions in
            Kernels.prepareQueryKeyValue(
                qkv, bias: projectionBias.vector(pass), headSize: kernel.headSize, queryScale: scale,
                norm: headNorm(pass), rotary: rotary, positions: positions.baseAddress!)
        }
        global?.prepare(input, queries: qkv.columns(0, width), blocks(pass), pass)
    }

    private func headNorm(_ pass: LanePass) -> HeadNorm? {
        headNorm.map {
            HeadNorm(
                gains: $0.gains.vector(pass.weights),
                inverses: $0.inverses.matrix(pass, rows: pass.rows, columns: 2 * kernel.headCount), epsilon: normEpsilon
            )
        }
    }

    /// Attention among all rows.
    ///
    /// - Parameter input: all rows of what `prepare` read.
    func mix(_ input: Matrix, _ pass: LanePass) {
        let blocks = blocks(pass)
        if ownsRelativeBias { relativeBias?.prepare(pass) }
        relative?.prepare(pass)
        pass.forEachUnit(blocks.units.count) { unit, pass in
            let bundles = blocks.units[unit].bundles
            kernel.forward(
                source(of: bundles, blocks, pass), blocks: blocks, bundles: bundles, bias: relativeBias?.values(pass),
                relative: relative?.positions(pass), dropout: dropout.decisions(pass), firstRow: pass.chunk.firstRow,
                output: mixed(pass), logSumExp: logSumExp.vector(pass),
                probabilities: pass.gradients == nil ? nil : kept(pass), scratch: workspace.attention.vector(pass))
        }
        global?.folded?.forward(
            input, queries: queryKeyValue(pass).columns(0, width), blocks, dropout: dropout.decisions(pass),
            output: mixed(pass), logSumExp: logSumExp.vector(pass), pass)
    }

    private func queryKeyValue(_ pass: LanePass) -> Matrix {
        queryKeyValue.matrix(pass, rows: pass.rows, columns: projection.rows)
    }

    private func queryKeyValueGradient(_ pass: LanePass) -> Matrix {
        workspace.queryKeyValue.matrix(pass, rows: pass.rows, columns: projection.rows)
    }

    private func mixed(_ pass: LanePass) -> Matrix { mixed.matrix(pass, rows: pass.rows, columns: width) }

    private func mixedGradient(_ pass: LanePass) -> Matrix {
        workspace.mixed.matrix(pass, rows: pass.rows, columns: width)
    }

    private func kept(_ pass: LanePass) -> AttentionKernel.Probabilities? {
        probabilities.map { AttentionKernel.Probabilities($0.vector(pass)) }
    }

    /// What a unit reads: global queries may have projections of their own.
    private func source(of bundles: Range<Int>, _ blocks: AttentionBlocks, _ pass: LanePass) -> AttentionKernel.Input {
        let qkv = queryKeyValue(pass)
        if let global, blocks.isOfGlobalQueries(bundle: bundles.lowerBound) {
            return global.source(queries: qkv.columns(0, width), pass)
        }
        return .init(qkv)
    }

    func forward(_ input: Matrix, into output: Matrix, _ pass: LanePass) {
        pass.project(mixed(pass), by: outputWeight, into: output)
    }

    /// The gradient of what `mix` wrote, for the pass's rows.
    func beginBackward(upstream: Matrix, _ pass: LanePass) {
        pass.addGradient(of: outputWeight, upstream: upstream, input: mixed(pass))
        pass.projectBack(upstream, by: outputWeight, into: mixedGradient(pass))
    }

    /// The gradients of queries, keys and values of all rows. Units of a divided pass leave those of keys and values in
    /// memory of their own, which `backward` sums.
    ///
    /// - Parameter input: all rows of what `prepare` read.
    func mixBackward(_ input: Matrix, _ pass: LanePass) {
        let blocks = blocks(pass)
        let sums = pass.isDivided ? unitGradients(blocks, pass) : nil
        relative?.beginBackward(pass)
        if !pass.isDivided {
            queryKeyValueGradient(pass).zero()
            global?.clearKeyValueGradient(pass)
        }
        pass.forEachUnit(blocks.units.count) { unit, pass in
            let bundles = blocks.units[unit].bundles
            let qkvGradient = queryKeyValueGradient(pass)
            var gradient = AttentionKernel.Gradient(qkvGradient)
            if let global, blocks.isOfGlobalQueries(bundle: bundles.lowerBound) {
                gradient = global.gradient(queries: qkvGradient.columns(0, width), pass)
            }
            if let table = relative?.gradient(pass) {
                gradient.relativeQueries = table.columns(0, width)
                gradient.relativeKeys = table.columns(width, width)
            }
            if let sums { sums.redirect(&gradient, unit: unit) }
            relativeBias?.beginGradient(of: blocks.units[unit].heads, pass)
            kernel.backward(
                upstream: mixedGradient(pass), source(of: bundles, blocks, pass), output: mixed(pass),
                logSumExp: logSumExp.vector(pass), blocks: blocks, bundles: bundles,
                bias: relativeBias?.values(pass), relative: relative?.positions(pass),
                dropout: dropout.decisions(pass), firstRow: pass.chunk.firstRow, gradient: gradient,
                biasGradient: relativeBias?.gradient(pass), probabilities: kept(pass),
                scratch: workspace.attention.vector(pass))
            relativeBias?.endGradient(of: blocks.units[unit].heads, pass)
        }
        if let relative {
            sums?.collectRelative(into: relative.gradient(pass))
            relative.endBackward(pass)
        }
        global?.folded?.backward(
            upstream: mixedGradient(pass), input, queries: queryKeyValue(pass).columns(0, width), blocks,
            dropout: dropout.decisions(pass), output: mixed(pass), logSumExp: logSumExp.vector(pass),
            queryGradient: queryKeyValueGradient(pass).columns(0, width), pass)
    }

    private func unitGradients(_ blocks: AttentionBlocks, _ pass: LanePass) -> UnitGradients {
        UnitGradients(blocks, kernel, relativeRows: relative?.rowCount ?? 0, pass)
    }

    /// Scores before the softmax, of all pairs of the first segment's first tokens, head by head.
    func scores(_ pass: LanePass, limit: Int) -> [Float] {
        let qkv = queryKeyValue(pass)
        let count = min(limit, pass.chunk.segments[1])
        let width = projection.rows / 3
        var result: [Float] = []
        result.reserveCapacity(count * count * width / kernel.headSize)
        for head in stride(from: 0, to: width, by: kernel.headSize) {
            for query in 0..<count {
                for key in 0..<count {
                    let (q, k) = (qkv.row(query) + head, qkv.row(key) + width + head)
                    let position =
                        relative?.score(
                            query: q, key: k, head: head / kernel.headSize, distance: query - key, pass) ?? 0
                    result.append((0..<kernel.headSize).reduce(position) { $0 + q[$1] * k[$1] })
                }
            }
        }
        return result
    }

    func backward(
        upstream: Matrix, input: Matrix, inputGradient: Matrix, accumulate: Bool, _ pass: LanePass
    ) {
        let blocks = blocks(pass)
        let qkvGradient = queryKeyValueGradient(pass)
        if pass.isSlice {
            let sums = unitGradients(blocks, pass)
            sums.collect(into: qkvGradient, ofGlobalQueries: global == nil ? nil : false, pass)
            global?.collectKeyValueGradient(sums, pass)
        }
        global?.takeQueryGradient(from: qkvGradient.columns(0, width), blocks, pass)
        pass.chunk.positions.withUnsafeBufferPointer { positions in
            Kernels.prepareQueryKeyValueBackward(
                qkvGradient, headSize: kernel.headSize, queryScale: scale,
                norm: headNorm.flatMap { norm in
                    headNorm(pass).map { ($0, queryKeyValue(pass), norm.gains.vector(pass.gradient)) }
                }, rotary: rotary, positions: positions.baseAddress!, biasGradient: projectionBias.gradient(pass))
        }
        backwardOfProjection(
            qkvGradient, input: input, inputGradient: inputGradient, accumulate: accumulate, pass)
        global?.backward(input: input, inputGradient: inputGradient, blocks, pass)
    }

    /// From the gradients of queries, keys and values to those of the weights, the input, and what else keys and values
    /// were made of.
    private func backwardOfProjection(
        _ gradient: Matrix, input: Matrix, inputGradient: Matrix, accumulate: Bool, _ pass: LanePass
    ) {
        guard let source else {
            pass.addGradient(of: projection, upstream: gradient, input: input)
            pass.projectBack(gradient, by: projection, into: inputGradient, accumulate: accumulate)
            return
        }
        func slot(_ slot: ActivationSlot) -> Matrix { slot.matrix(pass, rows: pass.rows, columns: width) }
        let (ofQueries, ofRest) = (gradient.columns(0, width), gradient.columns(width, 2 * width))
        let (queries, rest) = (projection.rows(0, width), projection.rows(width, 2 * width))
        pass.addGradient(of: queries, upstream: ofQueries, input: input)
        pass.addGradient(of: rest, upstream: ofRest, input: slot(source.states))
        pass.projectBack(ofQueries, by: queries, into: inputGradient, accumulate: accumulate)
        pass.projectBack(ofRest, by: rest, into: slot(source.gradient), accumulate: true)
    }
}
