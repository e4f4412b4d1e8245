/// Queries and keys of unit root mean square, head by head, and a learned factor of each head's queries (Henry et al. 2020,
/// arXiv 2010.04245, "Query-Key Normalization"; the norm as in Dehghani et al. 2023, arXiv 2302.05442).
///
/// Scores are then cosines times what the factor says: they cannot grow with the weights. The norm stands before positions
/// are rotated and queries scaled, which changes no norm: the backward pass works with queries and keys as they were kept.
public struct HeadNorm {
    let gains: UnsafePointer<Float>
    /// `[n, 2 · heads]`: one over the root mean square of each query and key.
    let inverses: Matrix
    let epsilon: Float

    /// - Parameters:
    ///   - gains: `[heads]`: factors of the queries.
    ///   - inverses: `[n, 2 · heads]`, overwritten by the forward pass and read by the backward pass.
    ///   - epsilon: added to mean squares.
    public init(gains: UnsafePointer<Float>, inverses: Matrix, epsilon: Double) {
        self.gains = gains
        self.inverses = inverses
        self.epsilon = Float(epsilon)
    }

    /// Normalizes queries and keys of one row in place.
    ///
    /// - Parameter width: of queries, and of keys behind them.
    @inline(__always)
    func normalize(_ values: UnsafeMutablePointer<Float>, row: Int, width: Int, headSize: Int) {
        let kept = inverses.row(row)
        let heads = width / headSize
        for head in 0..<2 * heads {
            let x = values + head * headSize
            let mean = Self.dot(x, x, headSize) / Float(headSize)
            let inverse = 1 / (mean + epsilon).squareRoot()
            kept[head] = inverse
            let factor = head < heads ? inverse * gains[head] : inverse
            for i in Swift.stride(from: 0, to: headSize, by: vectorWidth) { store(load(x, i) * factor, x, i) }
        }
    }

    /// Gradient of `normalize` for one row, in place, with y = s·γ·R·x̂ as the forward pass left it (s the scale of scores, γ
    /// the gain, R the rotation): γ/rms·(g − y·⟨g, y⟩/(s²·γ²·d)), which the rotation back and the scale still follow.
    @inline(__always)
    func normalizeBackward(
        _ gradient: UnsafeMutablePointer<Float>, kept: UnsafePointer<Float>, row: Int, width: Int, headSize: Int,
        queryScale: Float, gainGradient: UnsafeMutablePointer<Float>
    ) {
        let inverses = inverses.row(row)
        let heads = width / headSize
        for head in 0..<2 * heads {
            let isQuery = head < heads
            let gain = isQuery ? gains[head] : 1
            let (g, y) = (gradient + head * headSize, kept + head * headSize)
            let product = Self.dot(g, y, headSize)
            let size = gain * (isQuery ? queryScale : 1)
            let factor = gain * inverses[head]
            // A gain of zero lets nothing through, and its own gradient cannot be told from what was kept.
            let share = size == 0 ? 0 : product / (size * size * Float(headSize))
            if isQuery, gain != 0 { gainGradient[head] += product / gain }
            for i in Swift.stride(from: 0, to: headSize, by: vectorWidth) {
                store((load(g, i) - load(y, i) * share) * factor, g, i)
            }
        }
    }

    @inline(__always)
    private static func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
        var total = Vector.zero
        for i in Swift.stride(from: 0, to: count, by: vectorWidth) {
            total = total.addingProduct(load(a, i), load(b, i))
        }
        return sum(total)
    }
}
