/// The work areas of one call of `AttentionKernel`.
///
/// `K` keys of the largest bundle, `R` rows of a tile, `d` the head size and `d₁₆` the same filled up to 16.
struct AttentionScratch {
    /// Panels of Kᵀ, `[K / 16, d, 16]`.
    let keysTransposed: UnsafeMutablePointer<Float>
    /// Panels of V, `[d₁₆ / 16, K, 16]`, in the forward pass; of Vᵀ, `[K / 16, d, 16]`, in the backward pass.
    let values: UnsafeMutablePointer<Float>
    /// Panels of K, `[d₁₆ / 16, K, 16]`.
    let keys: UnsafeMutablePointer<Float>
    /// Gradients of the bundle's keys and values, `[K, d]`.
    let keyGradient: UnsafeMutablePointer<Float>
    let valueGradient: UnsafeMutablePointer<Float>
    /// Queries of the tile and their upstream gradients: rows `[R, d]`, and panels `[d₁₆ / 16, R, 16]`.
    let queryRows: UnsafeMutablePointer<Float>
    let queryPanels: UnsafeMutablePointer<Float>
    let upstreamRows: UnsafeMutablePointer<Float>
    let upstreamPanels: UnsafeMutablePointer<Float>
    /// Unnormalised outputs of the tile, or gradients of its queries: `[R, d]`.
    let result: UnsafeMutablePointer<Float>
    /// Tiles of scores or probabilities, and of their gradients.
    let scores: UnsafeMutablePointer<Float>
    let gradients: UnsafeMutablePointer<Float>
    let rowMaximum: UnsafeMutablePointer<Float>
    let rowSum: UnsafeMutablePointer<Float>
    let rowDelta: UnsafeMutablePointer<Float>
    let rowLogSumExp: UnsafeMutablePointer<Float>
    /// With relative positions: some keys' part of the scores by query, and gradients of relative keys and queries by
    /// distance, `[distances, d]`.
    let transposed: UnsafeMutablePointer<Float>
    let relativeKeyGradient: UnsafeMutablePointer<Float>
    let relativeQueryGradient: UnsafeMutablePointer<Float>

    let keyCapacity: Int
    /// From one row of scores to the next: an odd number of cache lines, so that columns spread over the cache's sets.
    let scoreStride: Int

    /// - Parameter distances: of relative positions, if there are any.
    init(_ base: UnsafeMutablePointer<Float>, headSize: Int, keys keyCount: Int, columns: Int, distances: Int?) {
        var position = base
        func take(_ count: Int) -> UnsafeMutablePointer<Float> {
            defer { position += count }
            return position
        }
        let wide = AttentionBlocks.padded(headSize)
        let rows = AttentionBlocks.rowCount
        keyCapacity = keyCount
        let margin = distances == nil ? 0 : AttentionKernel.relativeMargin
        scoreStride = Self.stride(columns) + margin
        keysTransposed = take(keyCount * wide)
        values = take(keyCount * wide)
        keys = take(keyCount * wide)
        keyGradient = take(keyCount * headSize)
        valueGradient = take(keyCount * headSize)
        queryRows = take(rows * headSize)
        queryPanels = take(rows * wide)
        upstreamRows = take(rows * headSize)
        upstreamPanels = take(rows * wide)
        result = take(rows * headSize)
        scores = take(margin + rows * scoreStride) + margin
        gradients = take(margin + rows * scoreStride) + margin
        rowMaximum = take(rows)
        rowSum = take(rows)
        rowDelta = take(rows)
        rowLogSumExp = take(rows)
        transposed = take(distances == nil ? 0 : AttentionKernel.relativeKeyCount * AttentionKernel.relativeStride)
        relativeKeyGradient = take((distances ?? 0) * headSize)
        relativeQueryGradient = take((distances ?? 0) * headSize)
    }

    static func stride(_ columns: Int) -> Int { (columns + 31) / 32 * 32 + 16 }

    /// Floats that bundles of at most `keys` keys and panels of at most `columns` columns need.
    static func count(headSize: Int, keys: Int, columns: Int, distances: Int?) -> Int {
        let wide = AttentionBlocks.padded(headSize)
        let rows = AttentionBlocks.rowCount
        let count =
            keys * (3 * wide + 2 * headSize) + rows * (3 * headSize + 2 * wide) + 2 * rows * stride(columns) + 4 * rows
        guard let distances else { return count }
        return count + 2 * (rows + 1) * AttentionKernel.relativeMargin + AttentionKernel.relativeKeyCount
            * AttentionKernel.relativeStride + 2 * distances * headSize
    }
}
