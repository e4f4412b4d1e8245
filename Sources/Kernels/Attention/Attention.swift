import Foundation

/// Self-attention over the blocks of a chunk: scores exist only for one tile of queries against one panel of keys, and
/// the backward pass computes them again from the rows' log-sum-exp (Dao et al. 2022, arXiv 2205.14135).
public struct AttentionKernel: Sendable {
    public let headCount: Int
    public let headSize: Int

    public init(headCount: Int, headSize: Int) {
        self.headCount = headCount
        self.headSize = headSize
    }

    /// Floats of scratch memory that a call needs.
    ///
    /// - Parameters:
    ///   - keys: the most of a bundle: the longest segment, or what a slice of it sees, and its global tokens.
    ///   - relativeTo: in disentangled attention, tokens of the longest segment.
    public func scratchCount(keys: Int, relativeTo longest: Int? = nil) -> Int {
        // Two sources may be filled up to 16 each.
        let most = AttentionBlocks.padded(keys) + 16
        return AttentionScratch.count(
            headSize: headSize, keys: most, columns: min(AttentionBlocks.columnCount, most),
            distances: longest.map { RelativeLayout.capacity(longest: $0) })
    }

    /// Floats of scratch memory for these blocks.
    public func scratchCount(_ blocks: AttentionBlocks, relative: RelativeLayout? = nil) -> Int {
        AttentionScratch.count(
            headSize: headSize, keys: blocks.maximumKeys, columns: blocks.maximumColumns,
            distances: relative?.capacity)
    }

    /// What a call reads: queries, keys and values of all heads side by side, `[n, headCount · headSize]`, as
    /// `Kernels.prepareQueryKeyValue` leaves them.
    public struct Input {
        public var queries: Matrix
        public var keys: Matrix
        public var values: Matrix

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

    /// Added to the scores before softmax: one number for every head and distance from query to key.
    ///
    /// Distances are those of the rows, so they count within a segment; distances beyond `maximumDistance` count as that.
    public struct Bias {
        /// `[headCount, 2 · maximumDistance + 1]`: column `d + maximumDistance` is for a key `d` rows after its query.
        public var table: UnsafePointer<Float>
        public var maximumDistance: Int

        public init(table: UnsafePointer<Float>, maximumDistance: Int) {
            self.table = table
            self.maximumDistance = maximumDistance
        }

        public var columnCount: Int { 2 * maximumDistance + 1 }
    }

    /// Floats of memory for the probabilities of segments of at most `longest` tokens that see all of themselves, which
    /// spares the backward pass a product, exponentials and random numbers.
    public func probabilityCount(tokens: Int, longest: Int) -> Int {
        tokens * headCount * (AttentionScratch.stride(AttentionBlocks.padded(longest)) + 1)
    }

    /// Where a call keeps probabilities; nil in `forward` and `backward` means that they are computed again.
    ///
    /// Tiles stand one after another in the order of the blocks, all of one panel: probabilities relative to the row's
    /// maximum, negative where dropped out, and after them what each row is divided by, as its reciprocal.
    public struct Probabilities {
        public var base: UnsafeMutablePointer<Float>

        public init(_ base: UnsafeMutablePointer<Float>) { self.base = base }
    }

    /// Forward pass.
    ///
    /// - Parameters:
    ///   - bundles: of `blocks` that are computed; all by default.
    ///   - relative: packed tables of disentangled attention, where every segment sees all of itself and only that.
    ///   - dropout: of the probabilities; its tensor index is that of head 0, the other heads follow.
    ///   - firstRow: index within the batch of row 0, which keys dropout.
    ///   - output: `[n, headCount · headSize]`; the rows of the bundles' queries are overwritten.
    ///   - logSumExp: `[headCount, n]`, likewise.
    public func forward(
        _ input: Input, blocks: AttentionBlocks, bundles: Range<Int>? = nil, bias: Bias? = nil,
        relative: RelativePositions? = nil, dropout: DropoutStream?, firstRow: Int, output: Matrix,
        logSumExp: UnsafeMutablePointer<Float>, probabilities: Probabilities? = nil,
        scratch: UnsafeMutablePointer<Float>
    ) {
        Profile.enter(.attentionForward)
        defer {
            Profile.leave(
                flops: (relative == nil ? 4 : 8) * headSize * blocks.pairCount(bundles),
                floats: 4 * output.rows * headCount * headSize)
        }
        var kept = probabilities?.base
        let scratch = AttentionScratch(
            scratch, headSize: headSize, keys: blocks.maximumKeys, columns: blocks.maximumColumns,
            distances: relative?.layout.capacity)
        for bundle in blocks.bundles[bundles ?? 0..<blocks.bundles.count] {
            for head in bundle.heads {
                packKeys(input, blocks, bundle, head: head, scratch, forward: true)
                let pass = HeadPass(
                    head: head, blocks: blocks, bias: bias, relative: relative?.ofHead(head),
                    keys: input.keys.columns(head * headSize, headSize), dropout: dropout?.advanced(by: head),
                    firstRow: firstRow)
                for tile in blocks.tiles[bundle.tiles] {
                    let place = kept.map { KeptTile($0, tile, blocks) }
                    kept = place?.end
                    forward(
                        tile, place, input.queries.columns(head * headSize, headSize), pass,
                        leavesOut: bundle.isOfGlobalQueries ? [] : blocks.isGlobal,
                        output: output.columns(head * headSize, headSize),
                        logSumExp: logSumExp + head * output.rows, scratch)
                }
            }
        }
    }

    /// One head of a call.
    struct HeadPass {
        let head: Int
        let blocks: AttentionBlocks
        let bias: Bias?
        let relative: RelativePositions.Head?
        /// The head's keys, by row of the chunk.
        let keys: Matrix
        let dropout: DropoutStream?
        let firstRow: Int
    }

    /// Kept probabilities of a tile.
    struct KeptTile {
        let base: UnsafeMutablePointer<Float>
        let stride: Int
        let reciprocals: UnsafeMutablePointer<Float>
        let end: UnsafeMutablePointer<Float>

        init(_ base: UnsafeMutablePointer<Float>, _ tile: AttentionBlocks.Tile, _ blocks: AttentionBlocks) {
            precondition(tile.panels.count == 1, "probabilities are kept of tiles of one panel")
            self.base = base
            stride = AttentionScratch.stride(blocks.panels[tile.panels.lowerBound].columns)
            reciprocals = base + tile.rows.count * stride
            end = reciprocals + tile.rows.count
        }

        func row(_ index: Int) -> UnsafeMutablePointer<Float> { base + index &* stride }
    }

    private func forward(
        _ tile: AttentionBlocks.Tile, _ kept: KeptTile?, _ queries: Matrix, _ pass: HeadPass,
        leavesOut isGlobal: [Bool], output: Matrix, logSumExp: UnsafeMutablePointer<Float>,
        _ scratch: AttentionScratch
    ) {
        let blocks = pass.blocks
        let rows = tile.rows.count
        packRows(queries, tile.rows, blocks, rows: scratch.queryRows, panels: nil)
        scratch.result.update(repeating: 0, count: rows * headSize)
        scratch.rowMaximum.update(repeating: -.infinity, count: rows)
        scratch.rowSum.update(repeating: 0, count: rows)
        blocks.ranges.withUnsafeBufferPointer { all in
            for index in tile.panels {
                let ranges = UnsafeBufferPointer(rebasing: all[blocks.panels[index].ranges])
                for range in ranges {
                    multiplyByKeys(
                        scratch.queryRows, scratch.keysTransposed, range, tile, into: scratch.scores, scratch)
                    if let relative = pass.relative {
                        addRelativeScores(relative, keys: pass.keys, range, tile, scratch)
                    }
                }
                for row in 0..<rows { softmaxStep(row, tile, ranges, pass, keep: kept?.row(row), scratch) }
                for range in ranges {
                    multiplyByRows(scratch.scores, scratch.values, range, tile, into: scratch.result, scratch)
                }
            }
        }
        for row in 0..<rows {
            let at = tile.rows.row(row, blocks.indices)
            if !isGlobal.isEmpty, isGlobal[at] { continue }
            let total = scratch.rowSum[row]
            logSumExp[at] = scratch.rowMaximum[row] + log(total)
            let reciprocal = 1 / total
            kept?.reciprocals[row] = reciprocal
            let values = output.row(at)
            let result = scratch.result + row * headSize
            for i in stride(from: 0, to: headSize, by: vectorWidth) {
                store(load(result, i) * reciprocal, values, i)
            }
        }
    }
}

extension AttentionBlocks.Rows {
    @inline(__always)
    func row(_ index: Int, _ indices: [Int32]) -> Int {
        list < 0 ? first &+ index &* step : Int(indices[list &+ index])
    }
}
