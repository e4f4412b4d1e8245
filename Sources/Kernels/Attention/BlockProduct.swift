import CAVX512

/// Products of blocks of up to six rows with panels of sixteen columns.
package enum BlockProduct {
    /// Vectors of 512 bits where the processor has them; the bits are the same.
    package static let isWide = block_product_is_supported()

    /// `result (+)= Σ_k a(i, k) · b(k, ·)` for up to six rows.
    ///
    /// - Parameters:
    ///   - a: element (i, k) is `a[i · rowStride + k · depthStride]`.
    ///   - panels: `[depth, 16]` each, `panelStride` floats from one to the next.
    ///   - columns: a multiple of 8.
    ///   - accumulate: add to the result.
    ///   - wide: with vectors of 512 bits.
    @inline(__always)
    package static func multiply(
        _ a: UnsafePointer<Float>, _ rowStride: Int, _ depthStride: Int, _ panels: UnsafePointer<Float>,
        panelStride: Int, depth: Int, _ result: UnsafeMutablePointer<Float>, _ resultStride: Int, rows: Int,
        columns: Int, accumulate: Bool, wide: Bool = isWide
    ) {
        if wide {
            return block_product(
                a, rowStride, depthStride, panels, panelStride, depth, result, resultStride, rows, columns, accumulate)
        }
        var column = 0
        while column < columns {
            blockProduct(
                a, rowStride, depthStride, panels + column / 16 &* panelStride, depth: depth, result + column,
                resultStride, rows: rows, isNarrow: columns &- column < 16, accumulate: accumulate)
            column &+= 16
        }
    }
}

/// `result (+)= Σ_k a(i, k) · b(k, ·)`: up to six rows by sixteen columns, the unit of the products of attention.
///
/// Attention multiplies tiles with a depth or a width of one head, which are too small to pay for what a general product
/// copies. Here the caller packs the right operand once for many tiles; the twelve accumulators stay in registers.
///
/// - Parameters:
///   - a: element (i, k) is `a[i · rowStride + k · depthStride]`.
///   - b: packed, `[depth, 16]`.
///   - rows: 1 ... 6; missing ones are computed again and not stored.
///   - isNarrow: store the first eight columns only.
///   - accumulate: add to the result.
@inline(never)
private func blockProduct(
    _ a: UnsafePointer<Float>, _ rowStride: Int, _ depthStride: Int, _ b: UnsafePointer<Float>, depth: Int,
    _ result: UnsafeMutablePointer<Float>, _ resultStride: Int, rows: Int, isNarrow: Bool, accumulate: Bool
) {
    let last = rows &- 1
    let i1 = min(1, last) &* rowStride
    let i2 = min(2, last) &* rowStride
    let i3 = min(3, last) &* rowStride
    let i4 = min(4, last) &* rowStride
    let i5 = last &* rowStride
    var c00 = Vector.zero
    var c01 = Vector.zero
    var c10 = Vector.zero
    var c11 = Vector.zero
    var c20 = Vector.zero
    var c21 = Vector.zero
    var c30 = Vector.zero
    var c31 = Vector.zero
    var c40 = Vector.zero
    var c41 = Vector.zero
    var c50 = Vector.zero
    var c51 = Vector.zero
    var left = a
    var right = b
    for _ in 0..<depth {
        let b0 = load(right, 0)
        let b1 = load(right, 8)
        let a0 = Vector(repeating: left[0])
        c00 = c00.addingProduct(a0, b0)
        c01 = c01.addingProduct(a0, b1)
        let a1 = Vector(repeating: left[i1])
        c10 = c10.addingProduct(a1, b0)
        c11 = c11.addingProduct(a1, b1)
        let a2 = Vector(repeating: left[i2])
        c20 = c20.addingProduct(a2, b0)
        c21 = c21.addingProduct(a2, b1)
        let a3 = Vector(repeating: left[i3])
        c30 = c30.addingProduct(a3, b0)
        c31 = c31.addingProduct(a3, b1)
        let a4 = Vector(repeating: left[i4])
        c40 = c40.addingProduct(a4, b0)
        c41 = c41.addingProduct(a4, b1)
        let a5 = Vector(repeating: left[i5])
        c50 = c50.addingProduct(a5, b0)
        c51 = c51.addingProduct(a5, b1)
        left += depthStride
        right += 16
    }
    @inline(__always)
    func finish(_ row: Int, _ low: Vector, _ high: Vector) {
        guard row < rows else { return }
        let at = result + row &* resultStride
        store(accumulate ? load(at, 0) + low : low, at, 0)
        if !isNarrow { store(accumulate ? load(at, 8) + high : high, at, 8) }
    }
    finish(0, c00, c01)
    finish(1, c10, c11)
    finish(2, c20, c21)
    finish(3, c30, c31)
    finish(4, c40, c41)
    // Six rows are the rule; with fewer the last accumulators repeat the last row, which is stored already.
    if rows == 6 { finish(5, c50, c51) }
}

/// Copies rows into the layout of `blockProduct`'s right operand.
enum Packing {
    /// Rows `[depth, width]` as panels of sixteen columns, `[⌈width / 16⌉, capacity, 16]`: row `index` of each panel.
    @inline(__always)
    static func row(
        _ source: UnsafePointer<Float>, width: Int, into panels: UnsafeMutablePointer<Float>, capacity: Int, index: Int
    ) {
        var column = 0
        while column < width {
            let at = panels + (column &* capacity &+ index &* 16)
            store(load(source, column), at, 0)
            store(column &+ 8 < width ? load(source, column &+ 8) : .zero, at, 8)
            column &+= 16
        }
    }

    /// One row as column `index` of a transposed operand: `[⌈rows / 16⌉, width, 16]`.
    @inline(__always)
    static func column(
        _ source: UnsafePointer<Float>, width: Int, into panels: UnsafeMutablePointer<Float>, index: Int
    ) {
        let block = index / 16 &* width &* 16
        let at = panels + (block &+ index % 16)
        for i in 0..<width { at[i &* 16] = source[i] }
    }
}
