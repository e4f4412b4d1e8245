/// The gradient of attention.
extension AttentionKernel {
    /// Where the backward pass adds gradients of keys and values, `[n, headCount · headSize]` each.
    public struct Gradient {
        /// The rows of the bundles' queries are overwritten.
        public var queries: Matrix
        /// Added to.
        public var keys: Matrix
        public var values: Matrix
        /// Where those of listed keys go instead, if given: a row for every place in the list.
        public var listedKeys: Matrix?
        public var listedValues: Matrix?
        /// Of relative positions: `[rows of the table, headCount · headSize]` each, added to.
        public var relativeQueries: Matrix?
        public var relativeKeys: Matrix?

        public init(queries: Matrix, keys: Matrix, values: Matrix) {
            self.queries = queries
            self.keys = keys
            self.values = values
        }

        /// - Parameter qkv: `[n, 3 · width]`.
        public init(_ qkv: Matrix) {
            let width = qkv.columns / 3
            queries = qkv.columns(0, width)
            keys = qkv.columns(width, width)
            values = qkv.columns(2 * width, width)
        }
    }

    /// Backward pass: the gradient of queries, keys and values from that of the output.
    ///
    /// - Parameters:
    ///   - upstream, output: `[n, headCount · headSize]`.
    ///   - blocks, bundles, bias, relative, dropout, firstRow: as in the forward pass.
    ///   - probabilities: what the forward pass kept, where it did.
    ///   - biasGradient: `[headCount, 2 · maximumDistance + 1]`, added to.
    public func backward(
        upstream: Matrix, _ input: Input, output: Matrix, logSumExp: UnsafePointer<Float>, blocks: AttentionBlocks,
        bundles: Range<Int>? = nil, bias: Bias? = nil, relative: RelativePositions? = nil, dropout: DropoutStream?,
        firstRow: Int, gradient: Gradient, biasGradient: UnsafeMutablePointer<Float>? = nil,
        probabilities: Probabilities? = nil, scratch: UnsafeMutablePointer<Float>
    ) {
        Profile.enter(.attentionBackward)
        defer {
            // Scores that are computed again count here: the kernel's share of the peak is of what it did.
            Profile.leave(
                flops: ((probabilities == nil ? 10 : 8) + (relative == nil ? 0 : probabilities == nil ? 12 : 8))
                    * headSize * blocks.pairCount(bundles),
                floats: 9 * output.rows * headCount * headSize)
        }
        var kept = probabilities?.base
        let scratch = AttentionScratch(
            scratch, headSize: headSize, keys: blocks.maximumKeys, columns: blocks.maximumColumns,
            distances: relative?.layout.capacity)
        for bundle in blocks.bundles[bundles ?? 0..<blocks.bundles.count] {
            for head in bundle.heads {
                let at = head * headSize
                packKeys(input, blocks, bundle, head: head, scratch, forward: false, scores: probabilities == nil)
                scratch.keyGradient.update(repeating: 0, count: bundle.keyCount * headSize)
                scratch.valueGradient.update(repeating: 0, count: bundle.keyCount * headSize)
                let pass = HeadPass(
                    head: head, blocks: blocks, bias: bias, relative: relative?.ofHead(head),
                    keys: input.keys.columns(at, headSize), dropout: dropout?.advanced(by: head), firstRow: firstRow)
                let keyCount = blocks.sources[bundle.sources].reduce(0) { max($0, $1.rows.count) }
                if let relative = pass.relative { clearRelativeGradients(relative, keys: keyCount, scratch) }
                let rows = Incoming(
                    queries: input.queries.columns(at, headSize), upstream: upstream.columns(at, headSize),
                    output: output.columns(at, headSize), logSumExp: logSumExp + head * output.rows,
                    isGlobal: bundle.isOfGlobalQueries ? [] : blocks.isGlobal)
                for tile in blocks.tiles[bundle.tiles] {
                    let place = kept.map { KeptTile($0, tile, blocks) }
                    kept = place?.end
                    backward(
                        tile, place, rows, pass, queryGradient: gradient.queries.columns(at, headSize),
                        biasGradient: biasGradient, scratch)
                }
                if let relative, let queries = gradient.relativeQueries, let keys = gradient.relativeKeys {
                    collectRelativeGradients(
                        relative.layout, keys: keyCount, queryGradient: queries.columns(at, headSize),
                        keyGradient: keys.columns(at, headSize), scratch)
                }
                for source in blocks.sources[bundle.sources] {
                    for index in 0..<source.rows.count {
                        let place = (source.offset + index) * headSize
                        var row = source.rows.row(index, blocks.indices)
                        var (keys, values) = (gradient.keys, gradient.values)
                        if source.rows.list >= 0, let listed = gradient.listedKeys {
                            (keys, values) = (listed, gradient.listedValues ?? listed)
                            row = source.rows.list + index
                        }
                        add(scratch.keyGradient + place, to: keys.row(row) + at)
                        add(scratch.valueGradient + place, to: values.row(row) + at)
                    }
                }
            }
        }
    }

    /// One head's columns of what a backward pass reads.
    private struct Incoming {
        let queries: Matrix
        let upstream: Matrix
        let output: Matrix
        let logSumExp: UnsafePointer<Float>
        /// Rows that other bundles compute.
        let isGlobal: [Bool]
    }

    private func backward(
        _ tile: AttentionBlocks.Tile, _ kept: KeptTile?, _ incoming: Incoming, _ pass: HeadPass, queryGradient: Matrix,
        biasGradient: UnsafeMutablePointer<Float>?, _ scratch: AttentionScratch
    ) {
        let blocks = pass.blocks
        let rows = tile.rows.count
        packRows(
            incoming.queries, tile.rows, blocks, rows: scratch.queryRows, panels: scratch.queryPanels)
        packUpstream(tile, incoming, blocks, scratch)
        scratch.result.update(repeating: 0, count: rows * headSize)
        blocks.ranges.withUnsafeBufferPointer { all in
            for index in tile.panels {
                let ranges = UnsafeBufferPointer(rebasing: all[blocks.panels[index].ranges])
                for range in ranges {
                    if kept == nil {
                        multiplyByKeys(
                            scratch.queryRows, scratch.keysTransposed, range, tile, into: scratch.scores, scratch)
                        if let relative = pass.relative {
                            addRelativeScores(relative, keys: pass.keys, range, tile, scratch)
                        }
                    }
                    multiplyByKeys(
                        scratch.upstreamRows, scratch.values, range, tile, into: scratch.gradients, scratch)
                }
                for row in 0..<rows {
                    if let kept {
                        softmaxBackward(row, kept: kept, tile, ranges, pass, biasGradient: biasGradient, scratch)
                        continue
                    }
                    softmaxBackward(row, tile, ranges, pass, biasGradient: biasGradient, scratch)
                }
                for range in ranges {
                    multiplyTransposed(
                        scratch.scores, scratch.upstreamPanels, range, tile, into: scratch.valueGradient, scratch)
                    multiplyTransposed(
                        scratch.gradients, scratch.queryPanels, range, tile, into: scratch.keyGradient, scratch)
                    multiplyByRows(scratch.gradients, scratch.keys, range, tile, into: scratch.result, scratch)
                    if let relative = pass.relative { addRelativeGradients(relative, range, tile, scratch) }
                }
            }
        }
        for row in 0..<rows {
            if !incoming.isGlobal.isEmpty, incoming.isGlobal[tile.rows.row(row, blocks.indices)] { continue }
            queryGradient.row(tile.rows.row(row, blocks.indices)).update(
                from: scratch.result + row * headSize, count: headSize)
        }
    }

    /// Upstream gradients of the tile's rows, and Σ P·dP of each, which equals dO·O, with dropout too.
    private func packUpstream(
        _ tile: AttentionBlocks.Tile, _ incoming: Incoming, _ blocks: AttentionBlocks, _ scratch: AttentionScratch
    ) {
        packRows(
            incoming.upstream, tile.rows, blocks, rows: scratch.upstreamRows, panels: scratch.upstreamPanels)
        for row in 0..<tile.rows.count {
            let at = tile.rows.row(row, blocks.indices)
            let upstream = scratch.upstreamRows + row * headSize
            if !incoming.isGlobal.isEmpty, incoming.isGlobal[at] {
                // Its probabilities come out as zeros, and it adds nothing.
                upstream.update(repeating: 0, count: headSize)
                Packing.row(
                    upstream, width: headSize, into: scratch.upstreamPanels, capacity: AttentionBlocks.rowCount,
                    index: row)
                scratch.rowDelta[row] = 0
                scratch.rowLogSumExp[row] = .infinity
                continue
            }
            let output = incoming.output.row(at)
            var total = Vector.zero
            for i in stride(from: 0, to: headSize, by: vectorWidth) {
                total = total.addingProduct(load(upstream, i), load(output, i))
            }
            scratch.rowDelta[row] = sum(total)
            scratch.rowLogSumExp[row] = incoming.logSumExp[at]
        }
    }

    @inline(__always)
    private func add(_ source: UnsafePointer<Float>, to result: UnsafeMutablePointer<Float>) {
        for i in stride(from: 0, to: headSize, by: vectorWidth) {
            store(load(result, i) + load(source, i), result, i)
        }
    }
}
