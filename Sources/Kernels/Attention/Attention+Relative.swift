/// The parts of scores that depend on relative positions, and their gradients.
///
/// A query's scores against relative keys are by distance, and stand one place farther to the right for every row: the
/// products read and write tiles with a stride that is one longer than the tile's, so that rows meet their keys. Blocks of
/// six rows compute what one of them needs; the rest falls into the margins of the rows.
extension AttentionKernel {
    /// Keys whose part of the scores is computed transposed, by query, at a time.
    static let relativeKeyCount = 48
    /// Beside a row of scores on either side.
    static let relativeMargin = 32
    /// Beside a key's scores by query on either side, and from one key to the next: an odd number of cache lines.
    static let transposedMargin = 24
    static let relativeStride = AttentionBlocks.rowCount + 2 * transposedMargin

    /// Adds Q·Kʳ and K·Qʳ to the scores of a tile.
    ///
    /// - Parameter keys: the head's, by row of the chunk.
    func addRelativeScores(
        _ relative: RelativePositions.Head, keys: Matrix, _ range: AttentionBlocks.KeyRange,
        _ tile: AttentionBlocks.Tile, _ scratch: AttentionScratch
    ) {
        let rows = tile.rows.count
        let shift = tile.rows.first - range.firstRow
        for row in stride(from: 0, to: rows, by: 6) {
            let height = min(6, rows - row)
            let low = (relative.centre - shift - (row + height - 1)) / 16 * 16
            let high = relative.centre + range.count - shift - row
            let into = scratch.scores + row * scratch.scoreStride + range.column + (shift + row - relative.centre)
            BlockProduct.multiply(
                scratch.queryRows + row * headSize, headSize, 1, relative.keyColumns + low * headSize,
                panelStride: 16 * headSize, depth: headSize, into + low, scratch.scoreStride + 1, rows: height,
                columns: AttentionBlocks.padded(high - low), accumulate: true)
        }
        for start in stride(from: 0, to: range.count, by: Self.relativeKeyCount) {
            let count = min(Self.relativeKeyCount, range.count - start)
            for key in stride(from: start, to: start + count, by: 6) {
                let height = min(6, range.count - key)
                let low = (relative.centre + shift - (key + height - 1)) / 16 * 16
                let high = relative.centre + shift + rows - key
                let into =
                    scratch.transposed + (key - start) * Self.relativeStride + Self.transposedMargin
                    + (key - relative.centre - shift)
                BlockProduct.multiply(
                    keys.row(range.firstRow + key), keys.stride, 1, relative.queryColumns + low * headSize,
                    panelStride: 16 * headSize, depth: headSize, into + low, Self.relativeStride + 1, rows: height,
                    columns: AttentionBlocks.padded(high - low), accumulate: false)
            }
            addTransposed(
                scratch.transposed + Self.transposedMargin, Self.relativeStride, rows: count, columns: rows,
                to: scratch.scores + range.column + start, scratch.scoreStride)
        }
    }

    /// Adds the parts of the gradients of queries and keys that come from relative positions, and the gradients of these.
    ///
    /// Reads the gradients of the tile's scores, which are zero up to the end of the keys' last panel.
    func addRelativeGradients(
        _ relative: RelativePositions.Head, _ range: AttentionBlocks.KeyRange, _ tile: AttentionBlocks.Tile,
        _ scratch: AttentionScratch
    ) {
        clearMargins(range, tile, scratch)
        addContentToPosition(relative, range, tile, scratch)
        for start in stride(from: 0, to: range.count, by: Self.relativeKeyCount) {
            let keys = start..<min(start + Self.relativeKeyCount, range.count)
            transposeGradients(keys, range, tile, scratch)
            addPositionToContent(relative, keys, range, tile, scratch)
        }
    }

    /// Zeros beside the rows' gradients, and below them up to a whole unit of eight.
    private func clearMargins(
        _ range: AttentionBlocks.KeyRange, _ tile: AttentionBlocks.Tile, _ scratch: AttentionScratch
    ) {
        let end = AttentionBlocks.padded(range.count)
        let whole = (tile.rows.count + 7) / 8 * 8
        for row in 0..<whole {
            let values = scratch.gradients + row * scratch.scoreStride + range.column
            store(.zero, values, -8)
            store(.zero, values, end)
            guard row >= tile.rows.count else { continue }
            for i in stride(from: 0, to: end, by: vectorWidth) { store(.zero, values, i) }
        }
    }

    /// `dQ += dS · Kʳ` and `dKʳ += dSᵀ · Q`.
    private func addContentToPosition(
        _ relative: RelativePositions.Head, _ range: AttentionBlocks.KeyRange, _ tile: AttentionBlocks.Tile,
        _ scratch: AttentionScratch
    ) {
        let rows = tile.rows.count
        let shift = tile.rows.first - range.firstRow
        let skewed = scratch.scoreStride + 1
        let gradients = scratch.gradients + range.column + (shift - relative.centre)
        for row in stride(from: 0, to: rows, by: 6) {
            let height = min(6, rows - row)
            let low = relative.centre - shift - (row + height - 1)
            let high = relative.centre + range.count - shift - row
            BlockProduct.multiply(
                gradients + row * skewed + low, skewed, 1, relative.keyRows + low * 16,
                panelStride: 16 * relative.capacity, depth: high - low, scratch.result + row * headSize, headSize,
                rows: height, columns: headSize, accumulate: true)
        }
        let end = relative.centre + range.count - shift
        for place in stride(from: relative.centre - shift - (rows - 1), to: end, by: 6) {
            let height = min(6, end - place)
            let first = max(0, relative.centre - shift - (place + height - 1))
            let last = min(rows, relative.centre + range.count - shift - place)
            guard first < last else { continue }
            BlockProduct.multiply(
                gradients + first * skewed + place, 1, skewed, scratch.queryPanels + first * 16,
                panelStride: 16 * AttentionBlocks.rowCount, depth: last - first,
                scratch.relativeKeyGradient + place * headSize, headSize, rows: height, columns: headSize,
                accumulate: true)
        }
    }

    /// `dK += dSᵀ · Qʳ` and `dQʳ += dS · K`, of some keys.
    private func addPositionToContent(
        _ relative: RelativePositions.Head, _ keys: Range<Int>, _ range: AttentionBlocks.KeyRange,
        _ tile: AttentionBlocks.Tile, _ scratch: AttentionScratch
    ) {
        let rows = tile.rows.count
        // Place of query − key, of the range's first key and the tile's first query.
        let origin = relative.centre + tile.rows.first - range.firstRow
        let skewed = Self.relativeStride + 1
        // As if the tile began with the range's first key.
        let gradients = scratch.transposed - keys.lowerBound * Self.relativeStride + Self.transposedMargin - origin
        for key in stride(from: keys.lowerBound, to: keys.upperBound, by: 6) {
            let height = min(6, keys.upperBound - key)
            let low = origin - (key + height - 1)
            let high = origin + rows - key
            BlockProduct.multiply(
                gradients + key * skewed + low, skewed, 1, relative.queryRows + low * 16,
                panelStride: 16 * relative.capacity, depth: high - low,
                scratch.keyGradient + (range.offset + key) * headSize, headSize, rows: height, columns: headSize,
                accumulate: true)
        }
        let end = origin + rows - keys.lowerBound
        for place in stride(from: origin - (keys.upperBound - 1), to: end, by: 6) {
            let height = min(6, end - place)
            let first = max(keys.lowerBound, origin - (place + height - 1))
            let last = min(keys.upperBound, origin + rows - place)
            guard first < last else { continue }
            BlockProduct.multiply(
                gradients + first * skewed + place, 1, skewed, scratch.keys + (range.offset + first) * 16,
                panelStride: 16 * scratch.keyCapacity, depth: last - first,
                scratch.relativeQueryGradient + place * headSize, headSize, rows: height, columns: headSize,
                accumulate: true)
        }
    }

    /// The gradients of some keys' scores by key, with zeros beside them.
    private func transposeGradients(
        _ keys: Range<Int>, _ range: AttentionBlocks.KeyRange, _ tile: AttentionBlocks.Tile,
        _ scratch: AttentionScratch
    ) {
        let into = scratch.transposed + Self.transposedMargin
        let whole = (tile.rows.count + 7) / 8 * 8
        for row in stride(from: 0, to: whole, by: 8) {
            let source = scratch.gradients + row * scratch.scoreStride + range.column + keys.lowerBound
            for key in stride(from: 0, to: keys.count, by: 8) {
                let block = transposed(source + key, scratch.scoreStride)
                for i in 0..<8 { store(block[i], into + (key + i) * Self.relativeStride, row) }
            }
        }
        for key in keys.indices {
            let values = into + (key - keys.lowerBound) * Self.relativeStride
            store(.zero, values, -8)
            store(.zero, values, whole)
        }
    }

    /// `result[column, row] += source[row, column]`, in whole units of eight.
    private func addTransposed(
        _ source: UnsafeMutablePointer<Float>, _ stride: Int, rows: Int, columns: Int,
        to result: UnsafeMutablePointer<Float>, _ resultStride: Int
    ) {
        for row in Swift.stride(from: 0, to: rows, by: 8) {
            for column in Swift.stride(from: 0, to: columns, by: 8) {
                let block = transposed(source + row * stride + column, stride)
                for i in 0..<8 {
                    let into = result + (column + i) * resultStride
                    store(load(into, row) + block[i], into, row)
                }
            }
        }
    }

    /// Clears the gradients of relative queries and keys of distances that occur in a bundle.
    func clearRelativeGradients(
        _ relative: RelativePositions.Head, keys count: Int, _ scratch: AttentionScratch
    ) {
        let first = (relative.centre - (count - 1)) * headSize
        (scratch.relativeKeyGradient + first).update(repeating: 0, count: (2 * count - 1) * headSize)
        (scratch.relativeQueryGradient + first).update(repeating: 0, count: (2 * count - 1) * headSize)
    }

    /// Adds the gradients by distance to those by row of the table.
    ///
    /// - Parameter gradient: one head's columns of the table's gradient.
    func collectRelativeGradients(
        _ layout: RelativeLayout, keys count: Int, queryGradient: Matrix, keyGradient: Matrix,
        _ scratch: AttentionScratch
    ) {
        for distance in 1 - count...count - 1 {
            let place = (layout.centre + distance) * headSize
            let queries = queryGradient.row(layout.row(distance: distance))
            let keys = keyGradient.row(layout.row(distance: -distance))
            for i in stride(from: 0, to: headSize, by: vectorWidth) {
                store(load(queries, i) + load(scratch.relativeQueryGradient + place, i), queries, i)
                store(load(keys, i) + load(scratch.relativeKeyGradient + place, i), keys, i)
            }
        }
    }
}

/// Eight rows of eight floats, transposed.
@inline(__always)
private func transposed(
    _ source: UnsafeMutablePointer<Float>, _ stride: Int
) -> InlineArray<8, Vector> {
    let r0 = load(source, 0)
    let r1 = load(source, stride)
    let r2 = load(source, 2 &* stride)
    let r3 = load(source, 3 &* stride)
    let r4 = load(source, 4 &* stride)
    let r5 = load(source, 5 &* stride)
    let r6 = load(source, 6 &* stride)
    let r7 = load(source, 7 &* stride)
    // Columns of four rows at a time, then of eight.
    @inline(__always)
    func four(_ a: Vector, _ b: Vector, _ c: Vector, _ d: Vector) -> (Vector, Vector, Vector, Vector) {
        let (ab, cd) = (
            (
                even: Vector(lowHalf: a.evenHalf, highHalf: b.evenHalf),
                odd: Vector(lowHalf: a.oddHalf, highHalf: b.oddHalf)
            ),
            (
                even: Vector(lowHalf: c.evenHalf, highHalf: d.evenHalf),
                odd: Vector(lowHalf: c.oddHalf, highHalf: d.oddHalf)
            )
        )
        // Columns 0 2 4 6 of a, then of b; and so on.
        return (
            Vector(lowHalf: ab.even.evenHalf, highHalf: cd.even.evenHalf),
            Vector(lowHalf: ab.odd.evenHalf, highHalf: cd.odd.evenHalf),
            Vector(lowHalf: ab.even.oddHalf, highHalf: cd.even.oddHalf),
            Vector(lowHalf: ab.odd.oddHalf, highHalf: cd.odd.oddHalf)
        )
    }
    // Each: columns x and x + 4 of a, b, c, d, alternating.
    let top = four(r0, r1, r2, r3)
    let bottom = four(r4, r5, r6, r7)
    @inline(__always)
    func first(_ a: Vector, _ b: Vector) -> Vector { Vector(lowHalf: a.evenHalf, highHalf: b.evenHalf) }
    @inline(__always)
    func second(_ a: Vector, _ b: Vector) -> Vector { Vector(lowHalf: a.oddHalf, highHalf: b.oddHalf) }
    return [
        first(top.0, bottom.0), first(top.1, bottom.1), first(top.2, bottom.2), first(top.3, bottom.3),
        second(top.0, bottom.0), second(top.1, bottom.1), second(top.2, bottom.2), second(top.3, bottom.3),
    ]
}
