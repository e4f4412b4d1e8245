import Kernels

/// Gradients of keys and values that units of a divided pass leave behind, and their sum in the order of units.
struct UnitGradients: @unchecked Sendable {
    private let blocks: AttentionBlocks
    private let headSize: Int
    private let width: Int
    /// Of each unit: where its rows of keys begin, those of its global keys, and those of relative positions; a row holds
    /// keys, then values, or queries, then keys.
    private let places: [(rows: Int, list: Int, relative: Int)]
    private let relativeRows: Int
    private let base: UnsafeMutablePointer<Float>

    /// - Parameter relativeRows: rows of a table of relative positions; 0 without one.
    init(_ blocks: AttentionBlocks, _ kernel: AttentionKernel, relativeRows: Int, _ pass: LanePass) {
        self.blocks = blocks
        self.relativeRows = relativeRows
        headSize = kernel.headSize
        width = kernel.headCount * kernel.headSize
        var position = 0
        var places: [(rows: Int, list: Int, relative: Int)] = []
        for unit in blocks.units {
            let columns = 2 * unit.heads.count * kernel.headSize
            let list = position + unit.keyRows.count * columns
            let relative = list + unit.listed.count * columns
            places.append((position, list, relative))
            position = relative + relativeRows * columns
        }
        self.places = places
        base = pass.attention.unitGradients(count: position)
    }

    /// Gradients of relative queries and keys, of the unit's heads.
    private func relative(unit index: Int) -> Matrix {
        Matrix(
            base + places[index].relative, rows: relativeRows,
            columns: 2 * blocks.units[index].heads.count * headSize)
    }

    private func matrices(unit index: Int) -> (rows: Matrix, list: Matrix) {
        let unit = blocks.units[index]
        let width = 2 * unit.heads.count * headSize
        return (
            Matrix(base + places[index].rows, rows: unit.keyRows.count, columns: width),
            Matrix(base + places[index].list, rows: unit.listed.count, columns: width)
        )
    }

    /// Lets the kernel add to the unit's own memory, cleared.
    func redirect(_ gradient: inout AttentionKernel.Gradient, unit index: Int) {
        let unit = blocks.units[index]
        let (rows, list) = matrices(unit: index)
        rows.zero()
        list.zero()
        let half = unit.heads.count * headSize
        let shift = unit.heads.lowerBound * headSize
        gradient.keys = Self.shifted(rows, rows: unit.keyRows.lowerBound, columns: shift)
        gradient.values = Self.shifted(rows, rows: unit.keyRows.lowerBound, columns: shift - half)
        gradient.listedKeys = Self.shifted(list, rows: unit.listed.lowerBound, columns: shift)
        gradient.listedValues = Self.shifted(list, rows: unit.listed.lowerBound, columns: shift - half)
        guard gradient.relativeKeys != nil else { return }
        let relative = relative(unit: index)
        relative.zero()
        gradient.relativeQueries = Self.shifted(relative, rows: 0, columns: shift)
        gradient.relativeKeys = Self.shifted(relative, rows: 0, columns: shift - half)
    }

    /// Adds those of relative positions of all units to `[rows, 2 · headCount · headSize]`.
    func collectRelative(into gradient: Matrix) {
        for (index, unit) in blocks.units.enumerated() {
            let relative = relative(unit: index)
            let half = unit.heads.count * headSize
            let at = unit.heads.lowerBound * headSize
            Kernels.add(relative.columns(0, half), to: gradient.columns(at, half))
            Kernels.add(relative.columns(half, half), to: gradient.columns(at + width, half))
        }
    }

    /// A view whose row and column indices are those of the whole.
    private static func shifted(_ matrix: Matrix, rows: Int, columns: Int) -> Matrix {
        Matrix(
            matrix.base - rows * matrix.stride - columns, rows: rows + matrix.rows, columns: matrix.columns,
            stride: matrix.stride)
    }

    /// Sums over units into the last two thirds, or all, of the columns of the pass's rows, overwriting them.
    ///
    /// - Parameter ofGlobalQueries: which units; nil for all.
    func collect(into gradient: Matrix, ofGlobalQueries wanted: Bool?, _ pass: LanePass) {
        let first = gradient.columns - 2 * width
        gradient.columns(first, 2 * width).zero()
        let slice = pass.rowOffset..<pass.rowOffset + pass.rows
        for (index, unit) in blocks.units.enumerated() {
            if let wanted, wanted != blocks.isOfGlobalQueries(bundle: unit.bundles.lowerBound) { continue }
            let (rows, list) = matrices(unit: index)
            let half = unit.heads.count * headSize
            let at = first + unit.heads.lowerBound * headSize
            func add(_ source: Matrix, to row: Int) {
                let target = gradient.rows(row, source.rows)
                Kernels.add(source.columns(0, half), to: target.columns(at, half))
                Kernels.add(source.columns(half, half), to: target.columns(at + width, half))
            }
            let shared = unit.keyRows.clamped(to: slice)
            if !shared.isEmpty {
                add(
                    rows.rows(shared.lowerBound - unit.keyRows.lowerBound, shared.count),
                    to: shared.lowerBound - slice.lowerBound)
            }
            for ordinal in unit.listed where slice.contains(blocks.globalRows[ordinal]) {
                add(
                    list.rows(ordinal - unit.listed.lowerBound, 1), to: blocks.globalRows[ordinal] - slice.lowerBound)
            }
        }
    }
}
