/// The products of attention's tiles, and packing of their operands. Blocks of six rows compute only the columns that one
/// of their queries sees, in units of 16.
extension AttentionKernel {
    /// Packs a head's keys and values of a bundle.
    func packKeys(
        _ input: Input, _ blocks: AttentionBlocks, _ bundle: AttentionBlocks.Bundle, head: Int,
        _ scratch: AttentionScratch, forward: Bool, scores: Bool = true
    ) {
        let keys = input.keys.columns(head * headSize, headSize)
        let values = input.values.columns(head * headSize, headSize)
        let capacity = scratch.keyCapacity
        withUnsafeTemporaryAllocation(of: Float.self, capacity: headSize) { zeros in
            zeros.initialize(repeating: 0)
            for source in blocks.sources[bundle.sources] {
                for index in 0..<AttentionBlocks.padded(source.rows.count) {
                    let at = source.offset + index
                    let isKey = index < source.rows.count
                    let row = isKey ? source.rows.row(index, blocks.indices) : 0
                    let key = isKey ? UnsafePointer(keys.row(row)) : UnsafePointer(zeros.baseAddress!)
                    let value = isKey ? UnsafePointer(values.row(row)) : UnsafePointer(zeros.baseAddress!)
                    if scores { Packing.column(key, width: headSize, into: scratch.keysTransposed, index: at) }
                    if forward {
                        Packing.row(value, width: headSize, into: scratch.values, capacity: capacity, index: at)
                    } else {
                        Packing.column(value, width: headSize, into: scratch.values, index: at)
                        Packing.row(key, width: headSize, into: scratch.keys, capacity: capacity, index: at)
                    }
                }
            }
        }
    }

    /// Packs rows of a tile: one after another, and as panels.
    func packRows(
        _ source: Matrix, _ tileRows: AttentionBlocks.Rows, _ blocks: AttentionBlocks,
        rows: UnsafeMutablePointer<Float>, panels: UnsafeMutablePointer<Float>?
    ) {
        for index in 0..<tileRows.count {
            let values = source.row(tileRows.row(index, blocks.indices))
            (rows + index * headSize).update(from: values, count: headSize)
            if let panels {
                Packing.row(
                    values, width: headSize, into: panels, capacity: AttentionBlocks.rowCount, index: index)
            }
        }
    }

    /// The columns of a range that a block of rows from `firstRow` to `lastRow` may see, in units of 16.
    @inline(__always)
    func span(
        _ range: AttentionBlocks.KeyRange, _ tile: AttentionBlocks.Tile, firstRow: Int, lastRow: Int
    ) -> Range<Int> {
        let end = AttentionBlocks.padded(range.count)
        guard case .within(let halfWidth) = range.mask else { return 0..<end }
        let shift = (tile.rows.first &- range.firstRow) / range.step
        let low = max(0, shift &+ firstRow &- halfWidth) / 16 &* 16
        let high = min(end, AttentionBlocks.padded(max(0, shift &+ lastRow &+ halfWidth &+ 1)))
        return low < high ? low..<high : 0..<0
    }

    /// `into[row, key] ← a[row] · key`, from transposed panels.
    func multiplyByKeys(
        _ a: UnsafePointer<Float>, _ panels: UnsafePointer<Float>, _ range: AttentionBlocks.KeyRange,
        _ tile: AttentionBlocks.Tile, into: UnsafeMutablePointer<Float>, _ scratch: AttentionScratch
    ) {
        let rows = tile.rows.count
        for row in stride(from: 0, to: rows, by: 6) {
            let height = min(6, rows - row)
            let span = span(range, tile, firstRow: row, lastRow: row + height - 1)
            guard !span.isEmpty else { continue }
            BlockProduct.multiply(
                a + row * headSize, headSize, 1, panels + (range.offset + span.lowerBound) * headSize,
                panelStride: 16 * headSize, depth: headSize,
                into + row * scratch.scoreStride + range.column + span.lowerBound, scratch.scoreStride, rows: height,
                columns: span.count, accumulate: false)
        }
    }

    /// `into[row] += Σ_key weights[row, key] · panels[key]`.
    func multiplyByRows(
        _ weights: UnsafePointer<Float>, _ panels: UnsafePointer<Float>, _ range: AttentionBlocks.KeyRange,
        _ tile: AttentionBlocks.Tile, into: UnsafeMutablePointer<Float>, _ scratch: AttentionScratch
    ) {
        let rows = tile.rows.count
        for row in stride(from: 0, to: rows, by: 6) {
            let height = min(6, rows - row)
            let span = span(range, tile, firstRow: row, lastRow: row + height - 1)
            guard !span.isEmpty else { continue }
            let left = weights + row * scratch.scoreStride + range.column + span.lowerBound
            BlockProduct.multiply(
                left, scratch.scoreStride, 1, panels + (range.offset + span.lowerBound) * 16,
                panelStride: 16 * scratch.keyCapacity, depth: span.count, into + row * headSize, headSize,
                rows: height, columns: headSize, accumulate: true)
        }
    }

    /// `into[key] += Σ_row weights[row, key] · panels[row]`.
    func multiplyTransposed(
        _ weights: UnsafePointer<Float>, _ panels: UnsafePointer<Float>, _ range: AttentionBlocks.KeyRange,
        _ tile: AttentionBlocks.Tile, into: UnsafeMutablePointer<Float>, _ scratch: AttentionScratch
    ) {
        var key = 0
        while key < range.count {
            let height = min(6, range.count - key)
            let seen = rowsSeeing(range, tile, firstKey: key, lastKey: key + height - 1)
            if !seen.isEmpty {
                let left = weights + seen.lowerBound * scratch.scoreStride + range.column + key
                BlockProduct.multiply(
                    left, 1, scratch.scoreStride, panels + seen.lowerBound * 16,
                    panelStride: 16 * AttentionBlocks.rowCount, depth: seen.count,
                    into + (range.offset + key) * headSize, headSize, rows: height, columns: headSize,
                    accumulate: true)
            }
            key += 6
        }
    }

    /// The rows of a tile that may see keys of a range, in units of six.
    @inline(__always)
    private func rowsSeeing(
        _ range: AttentionBlocks.KeyRange, _ tile: AttentionBlocks.Tile, firstKey: Int, lastKey: Int
    ) -> Range<Int> {
        guard case .within(let halfWidth) = range.mask else { return 0..<tile.rows.count }
        let shift = (tile.rows.first &- range.firstRow) / range.step
        let low = max(0, firstKey &- halfWidth &- shift)
        let high = min(tile.rows.count, lastKey &+ halfWidth &+ 1 &- shift)
        return low < high ? low..<high : 0..<0
    }
}
